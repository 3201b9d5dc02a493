/*-------------------------------------------------------------------------
 *
 * summaries_encode.c
 *	  Arrays of summaries -> bytes, field by field.  Layout: summaries_private.h.
 *
 *-------------------------------------------------------------------------
 */
#include "format/summaries_private.h"

static void encode_rows(Coding *coding, const TsdbSummary *summaries);
static void encode_values(Coding *coding);
static void encode_ends(Coding *coding);
static void encode_sums(Coding *coding);
static void encode_floats(Coding *coding);
static void encode_integrals(Coding *coding);
static void encode_integral_kinds(Coding *coding);
static void encode_qualities(Coding *coding, const TsdbSummary *summaries);
static void choose_head(Coding *coding, const TsdbSummary *summaries);
static void choose_unit(Coding *coding, const TsdbSummary *summaries);
static void put(Coding *coding, uint64_t word);
static void put_time(Coding *coding, int64_t time_us);
static void close_ints(Coding *coding, Chunk chunk);
static void close_column(Coding *coding, Chunk chunk, TsdbType type);
static bool has_words(const Coding *coding);
static bool is_derived(const TsdbSummary *summary, TsdbType type);
static void write_chunks(TsdbBytes *out, const Coding *coding);

void
tsdb_summaries_encode(TsdbBytes *out, TsdbType type, const TsdbSummary *summaries, uint32_t n,
					  int64_t base_us, const TsdbMem *scratch)
{
	Coding coding;

	if (n == 0)
		return;
	tsdb_coding_init(&coding, type, n, base_us, scratch);
	for (uint32_t i = 0; i < n; i++)
		if (summaries[i].nvalues > 0)
			coding.valued[coding.nvalued++] = (TsdbSummary *) &summaries[i];
	tsdb_coding_split(&coding);
	choose_unit(&coding, summaries);
	choose_head(&coding, summaries);
	encode_rows(&coding, summaries);
	if (type != TSDB_TYPE_TEXT)
		encode_values(&coding);
	if (tsdb_type_has_sum(type))
	{
		encode_sums(&coding);
		encode_floats(&coding);
		encode_integrals(&coding);
	}
	encode_qualities(&coding, summaries);
	write_chunks(out, &coding);
}

// private functions

static void
encode_rows(Coding *coding, const TsdbSummary *summaries)
{
	const TsdbSummary *end = summaries + coding->n;
	int64_t from_us = coding->base_us;

	for (const TsdbSummary *s = summaries; s < end; s++)
	{
		uint64_t length = (uint64_t) tsdb_number_span(s->first_row_time, s->last_row_time) / coding->unit_us;

		put(coding, coding->head & HEAD_ROWS_FROM_LENGTH ? length + 1 - s->nrows : s->nrows);
	}
	close_ints(coding, CHUNK_ROWS);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->nrows - s->nvalues);
	close_ints(coding, CHUNK_NULLS);
	for (const TsdbSummary *s = summaries; s < end; s++)
	{
		if (s->nrows > 0)
			from_us = s->first_row_time;
		put_time(coding, tsdb_number_span(coding->base_us, from_us));
	}
	close_ints(coding, CHUNK_FIRST_ROW);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put_time(coding, tsdb_number_span(s->first_row_time, s->last_row_time));
	close_ints(coding, CHUNK_LENGTH);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->sequence);
	close_ints(coding, CHUNK_SEQUENCE);
}

static void
encode_values(Coding *coding)
{
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->min);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->max);
	if (!(coding->head & HEAD_JOINED))
		close_column(coding, CHUNK_EXTREMES, coding->type);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->first);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->last);
	close_column(coding, coding->head & HEAD_JOINED ? CHUNK_EXTREMES : CHUNK_ENDS, coding->type);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put_time(coding, tsdb_number_span(coding->valued[i]->first_row_time, coding->valued[i]->min_time));
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put_time(coding, tsdb_number_span(coding->valued[i]->first_row_time, coding->valued[i]->max_time));
	close_ints(coding, CHUNK_EXTREME_TIMES);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->transitions);
	close_ints(coding, CHUNK_TRANSITIONS);
	encode_ends(coding);
}

static void
encode_ends(Coding *coding)
{
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put_time(coding, tsdb_number_span(coding->valued[i]->first_row_time, coding->valued[i]->first_time));
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put_time(coding, tsdb_number_span(coding->valued[i]->last_time, coding->valued[i]->last_row_time));
	close_ints(coding, CHUNK_VALUE_TIMES);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->first_quality);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put(coding, coding->valued[i]->last_quality);
	close_ints(coding, CHUNK_VALUE_QUALITIES);
}

static void
encode_sums(Coding *coding)
{
	uint8_t decimals = coding->head >> HEAD_DECIMALS_SHIFT;
	bool is_mixed = false;

	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		is_mixed |= coding->valued[i]->decimals != decimals;
		put(coding, coding->valued[i]->decimals);
	}
	if (!is_mixed)
		coding->nwords = 0;
	close_ints(coding, CHUNK_DECIMALS);

	for (uint32_t i = 0; i < coding->nexact; i++)
		put(coding, coding->exact[i]->int_sum_lo);
	close_ints(coding, CHUNK_SUM);
	for (uint32_t i = 0; i < coding->nexact; i++)
		put(coding, (uint64_t) coding->exact[i]->int_sum_hi - (uint64_t) ((int64_t) coding->exact[i]->int_sum_lo >> 63));
	close_ints(coding, CHUNK_SUM_HIGH);
	for (uint32_t i = 0; i < coding->nexact; i++)
		put(coding, (uint64_t) tsdb_moments_spread(coding->exact[i]));
	close_ints(coding, CHUNK_SQUARES);
	for (uint32_t i = 0; i < coding->nexact; i++)
		put(coding, (uint64_t) (tsdb_moments_spread(coding->exact[i]) >> 64));
	close_ints(coding, CHUNK_SQUARES_HIGH);
}

static void
encode_floats(Coding *coding)
{
	for (uint32_t i = 0; i < coding->nrounded; i++)
		put(coding, tsdb_number_bits(coding->rounded[i]->sum_hi));
	close_column(coding, CHUNK_FLOAT_SUM, TSDB_TYPE_FLOAT8);
	for (uint32_t i = 0; i < coding->nrounded; i++)
		put(coding, tsdb_number_bits(coding->rounded[i]->sum_lo));
	close_column(coding, CHUNK_FLOAT_REST, TSDB_TYPE_FLOAT8);
	for (uint32_t i = 0; i < coding->nrounded; i++)
		put(coding, tsdb_number_bits(coding->rounded[i]->m2));
	close_column(coding, CHUNK_FLOAT_SQUARES, TSDB_TYPE_FLOAT8);
}

static void
encode_integrals(Coding *coding)
{
	encode_integral_kinds(coding);
	for (uint32_t i = 0; i < coding->nstored; i++)
		put(coding, tsdb_number_bits(coding->stored[i]->integral_stepped));
	close_column(coding, CHUNK_STEPPED, TSDB_TYPE_FLOAT8);
	for (uint32_t i = 0; i < coding->nstored; i++)
		put(coding, tsdb_number_bits(coding->stored[i]->integral_sloped));
	close_column(coding, CHUNK_SLOPED, TSDB_TYPE_FLOAT8);
	for (uint32_t i = 0; i < coding->nvalued; i++)
		put_time(coding, coding->valued[i]->duration_zero_us);
	close_ints(coding, CHUNK_ZERO);
	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		const TsdbSummary *s = coding->valued[i];

		put_time(coding, s->duration_good_us + s->duration_uncertain_us - s->duration_zero_us - s->duration_nonzero_us);
	}
	close_ints(coding, CHUNK_STATELESS);
}

/* encode_integral_kinds - find the integrals that don't follow from other fields. */
static void
encode_integral_kinds(Coding *coding)
{
	uint8_t *kinds = (uint8_t *) tsdb_mem_alloc(coding->scratch, coding->n);
	TsdbBytes flags;

	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		kinds[i] = !is_derived(coding->valued[i], coding->type);
		if (kinds[i])
			coding->stored[coding->nstored++] = coding->valued[i];
	}
	if (coding->nstored == 0)
		return;
	tsdb_bytes_init(&flags, coding->scratch);
	tsdb_flags_encode(&flags, kinds, coding->nvalued, coding->scratch);
	coding->chunks[CHUNK_INTEGRAL_KINDS] = tsdb_span(flags.data, flags.len);
}

static void
encode_qualities(Coding *coding, const TsdbSummary *summaries)
{
	const TsdbSummary *end = summaries + coding->n;

	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->nuncertain);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->nbad);
	close_ints(coding, CHUNK_NOT_GOOD);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put_time(coding, s->duration_uncertain_us);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put_time(coding, s->duration_bad_us);
	close_ints(coding, CHUNK_NOT_GOOD_TIMES);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->worst_quality);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->first_row_quality);
	for (const TsdbSummary *s = summaries; s < end; s++)
		put(coding, s->last_row_quality);
	close_ints(coding, CHUNK_QUALITIES);
}

/* choose_head - the ways to code that hold for all summaries. */
static void
choose_head(Coding *coding, const TsdbSummary *summaries)
{
	uint64_t missing = 0;
	uint64_t rows = 0;
	uint8_t decimals = 0;

	for (uint32_t i = 0; i < coding->n; i++)
	{
		const TsdbSummary *s = &summaries[i];
		uint64_t slots = (uint64_t) tsdb_number_span(s->first_row_time, s->last_row_time) / coding->unit_us + 1;

		missing += slots > s->nrows ? slots - s->nrows : s->nrows - slots;
		rows += s->nrows;
		if (s->nvalues > 0)
			decimals = s->decimals;
	}
	if (missing < rows)
		coding->head |= HEAD_ROWS_FROM_LENGTH;
	if (coding->nvalued <= JOINED_MAX)
		coding->head |= HEAD_JOINED;
	coding->head |= (uint8_t) (decimals << HEAD_DECIMALS_SHIFT);
}

/* choose_unit - the biggest that divides every time and duration; of a regular series, the distance of its samples. */
static void
choose_unit(Coding *coding, const TsdbSummary *summaries)
{
	uint64_t unit = 0;

	for (const TsdbSummary *s = summaries; s < summaries + coding->n; s++)
	{
		int64_t length_us = tsdb_number_span(s->first_row_time, s->last_row_time);

		if (s->nrows == 0)
			continue;
		unit = tsdb_unit_divisor(unit, tsdb_number_span(coding->base_us, s->first_row_time));
		unit = tsdb_unit_divisor(unit, length_us);
		if (s->nrows > 1 && (uint64_t) length_us % (s->nrows - 1) == 0)
			unit = tsdb_unit_divisor(unit, (int64_t) ((uint64_t) length_us / (s->nrows - 1)));
		unit = tsdb_unit_divisor(unit, s->duration_uncertain_us);
		unit = tsdb_unit_divisor(unit, s->duration_bad_us);
		if (s->nvalues == 0 || coding->type == TSDB_TYPE_TEXT)
			continue;
		unit = tsdb_unit_divisor(unit, tsdb_number_span(s->first_row_time, s->min_time));
		unit = tsdb_unit_divisor(unit, tsdb_number_span(s->first_row_time, s->max_time));
		unit = tsdb_unit_divisor(unit, tsdb_number_span(s->first_row_time, s->first_time));
		unit = tsdb_unit_divisor(unit, tsdb_number_span(s->first_row_time, s->last_time));
		unit = tsdb_unit_divisor(unit, s->duration_zero_us);
		unit = tsdb_unit_divisor(unit, s->duration_nonzero_us);
	}
	coding->unit_us = unit == 0 ? 1 : unit;
}

static void
put(Coding *coding, uint64_t word)
{
	coding->words[coding->nwords++] = word;
}

static void
put_time(Coding *coding, int64_t time_us)
{
	put(coding, (uint64_t) (time_us / (int64_t) coding->unit_us));
}

/* close_ints - make a chunk of the words gathered, unless they are all 0. */
static void
close_ints(Coding *coding, Chunk chunk)
{
	if (has_words(coding))
	{
		TsdbBytes ints;

		tsdb_bytes_init(&ints, coding->scratch);
		tsdb_ints_encode(&ints, (const int64_t *) coding->words, coding->nwords, coding->scratch);
		coding->chunks[chunk] = tsdb_span(ints.data, ints.len);
	}
	coding->nwords = 0;
}

static void
close_column(Coding *coding, Chunk chunk, TsdbType type)
{
	if (has_words(coding))
	{
		TsdbBytes column;

		tsdb_bytes_init(&column, coding->scratch);
		tsdb_column_encode(&column, type, coding->words, coding->nwords, NULL, coding->scratch);
		coding->chunks[chunk] = tsdb_span(column.data, column.len);
	}
	coding->nwords = 0;
}

/* has_words - is any of the words gathered not 0? */
static bool
has_words(const Coding *coding)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < coding->nwords; i++)
		any |= coding->words[i];
	return any != 0;
}

/* is_derived - do the integrals follow from the other fields, bit for bit? */
static bool
is_derived(const TsdbSummary *summary, TsdbType type)
{
	double stepped;
	double sloped;

	return tsdb_integral_regular(summary, type, &stepped, &sloped) &&
		   tsdb_number_bits(stepped) == tsdb_number_bits(summary->integral_stepped) &&
		   tsdb_number_bits(sloped) == tsdb_number_bits(summary->integral_sloped);
}

static void
write_chunks(TsdbBytes *out, const Coding *coding)
{
	uint32_t present = 0;
	int last = -1;

	for (int i = 0; i < NCHUNKS; i++)
		if (coding->chunks[i].at != NULL)
		{
			present |= UINT32_C(1) << i;
			last = i;
		}
	tsdb_bytes_append_u8(out, coding->head);
	tsdb_unit_encode(out, coding->unit_us);
	tsdb_bytes_append_varint(out, present);
	for (int i = 0; i < last; i++)
		if (coding->chunks[i].at != NULL)
			tsdb_bytes_append_varint(out, tsdb_span_left(&coding->chunks[i]));
	for (int i = 0; i <= last; i++)
		if (coding->chunks[i].at != NULL)
			tsdb_bytes_append(out, coding->chunks[i].at, tsdb_span_left(&coding->chunks[i]));
}
