/*-------------------------------------------------------------------------
 *
 * summaries_decode.c
 *	  Bytes -> arrays of summaries, only the fields that are asked for.  Layout: summaries_private.h.
 *
 *-------------------------------------------------------------------------
 */
#include "format/summaries_private.h"

#define MAX_ROWS (UINT64_C(1) << 48) /* of a stretch: sums of several can't overflow */

static TsdbStatus decode_rows(Coding *coding, TsdbSummary *summaries);
static TsdbStatus decode_values(Coding *coding, uint32_t fields);
static TsdbStatus decode_extremes(Coding *coding, uint32_t fields);
static TsdbStatus decode_extreme_times(Coding *coding);
static TsdbStatus decode_end_times(Coding *coding);
static TsdbStatus decode_sums(Coding *coding, bool has_squares);
static TsdbStatus decode_decimals(Coding *coding);
static TsdbStatus decode_exact_sums(Coding *coding);
static TsdbStatus decode_exact_squares(Coding *coding);
static TsdbStatus decode_floats(Coding *coding, bool has_squares);
static TsdbStatus decode_integrals(Coding *coding);
static TsdbStatus decode_integral_kinds(Coding *coding);
static TsdbStatus decode_states(Coding *coding);
static TsdbStatus decode_qualities(Coding *coding, TsdbSummary *summaries);
static TsdbStatus open_ints(Coding *coding, Chunk chunk, uint32_t nwords);
static TsdbStatus open_column(Coding *coding, Chunk chunk, TsdbType type, uint32_t nwords);
static TsdbStatus get_time(const Coding *coding, uint32_t i, int64_t *time_us);
static TsdbStatus get_time_inside(const Coding *coding, uint32_t i, const TsdbSummary *summary, int64_t *offset_us);

TsdbStatus
tsdb_summaries_decode(TsdbSpan src, TsdbType type, TsdbSummary *summaries, uint32_t n,
					  int64_t base_us, uint32_t fields, const TsdbMem *scratch)
{
	Coding coding;
	bool has_sum = tsdb_type_has_sum(type);

	if (n == 0)
		return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
	if (n > TSDB_MAX_SUMMARIES)
		return TSDB_CORRUPT;
	memset(summaries, 0, n * sizeof(*summaries));
	if (fields & TSDB_SUMMARY_RANGE)
		fields |= TSDB_SUMMARY_MINMAX;
	if (has_sum && (fields & TSDB_SUMMARY_INTEGRALS))
		fields |= TSDB_SUMMARY_SUM | TSDB_SUMMARY_FIRSTLAST | TSDB_SUMMARY_QUALITY;
	tsdb_coding_init(&coding, type, n, base_us, scratch);

	TSDB_TRY(tsdb_coding_read(&src, &coding));
	TSDB_TRY(decode_rows(&coding, summaries));
	if (fields & TSDB_SUMMARY_QUALITY)
		TSDB_TRY(decode_qualities(&coding, summaries));
	if (type != TSDB_TYPE_TEXT)
		TSDB_TRY(decode_values(&coding, fields));
	if (has_sum && (fields & (TSDB_SUMMARY_SUM | TSDB_SUMMARY_SQUARES)))
		TSDB_TRY(decode_sums(&coding, (fields & TSDB_SUMMARY_SQUARES) != 0));
	if (has_sum && (fields & TSDB_SUMMARY_INTEGRALS))
	{
		TSDB_TRY(decode_integrals(&coding));
		TSDB_TRY(decode_states(&coding));
	}
	return TSDB_OK;
}

TsdbStatus
tsdb_coding_read(TsdbSpan *src, Coding *coding)
{
	uint64_t lengths[NCHUNKS] = {0};
	uint64_t present;
	int last = -1;

	if (!tsdb_span_read_u8(src, &coding->head) || tsdb_unit_decode(src, &coding->unit_us) != TSDB_OK ||
		coding->unit_us == 0 || !tsdb_span_read_varint(src, &present) || present >> NCHUNKS != 0)
		return TSDB_CORRUPT;
	for (int i = 0; i < NCHUNKS; i++)
		if (present >> i & 1)
			last = i;
	for (int i = 0; i < last; i++)
		if ((present >> i & 1) && (!tsdb_span_read_varint(src, &lengths[i]) || lengths[i] > tsdb_span_left(src)))
			return TSDB_CORRUPT;
	for (int i = 0; i < last; i++)
		if ((present >> i & 1) && !tsdb_span_take(src, (size_t) lengths[i], &coding->chunks[i]))
			return TSDB_CORRUPT;
	if (last >= 0)
		coding->chunks[last] = *src;
	else if (tsdb_span_left(src) > 0)
		return TSDB_CORRUPT;
	return TSDB_OK;
}

// private functions

/* decode_rows - counts and times of the rows; also finds the number of summaries that have values. */
static TsdbStatus
decode_rows(Coding *coding, TsdbSummary *summaries)
{
	TsdbSummary *end = summaries + coding->n;
	uint64_t *word;

	TSDB_TRY(open_ints(coding, CHUNK_LENGTH, coding->n));
	for (uint32_t i = 0; i < coding->n; i++)
	{
		TSDB_TRY(get_time(coding, i, &summaries[i].last_row_time));
		if (coding->head & HEAD_ROWS_FROM_LENGTH)
			summaries[i].nrows = coding->words[i] + 1;
	}
	TSDB_TRY(open_ints(coding, CHUNK_ROWS, coding->n));
	word = coding->words;
	for (TsdbSummary *s = summaries; s < end; s++, word++)
	{
		s->nrows = coding->head & HEAD_ROWS_FROM_LENGTH ? s->nrows - *word : *word;
		if (s->nrows > MAX_ROWS || (s->nrows == 0 && s->last_row_time != 0))
			return TSDB_CORRUPT;
	}
	TSDB_TRY(open_ints(coding, CHUNK_FIRST_ROW, coding->n));
	word = coding->words;
	for (uint32_t i = 0; i < coding->n; i++)
	{
		TsdbSummary *s = &summaries[i];

		if (s->nrows > 0 &&
			(__builtin_mul_overflow((int64_t) word[i], (int64_t) coding->unit_us, &s->first_row_time) ||
			 __builtin_add_overflow(s->first_row_time, coding->base_us, &s->first_row_time) ||
			 __builtin_add_overflow(s->first_row_time, s->last_row_time, &s->last_row_time)))
			return TSDB_CORRUPT;
	}
	TSDB_TRY(open_ints(coding, CHUNK_NULLS, coding->n));
	word = coding->words;
	for (TsdbSummary *s = summaries; s < end; s++, word++)
	{
		if (*word > s->nrows)
			return TSDB_CORRUPT;
		s->nvalues = s->nrows - *word;
		if (s->nvalues > 0)
			coding->valued[coding->nvalued++] = s;
	}
	TSDB_TRY(open_ints(coding, CHUNK_SEQUENCE, coding->n));
	word = coding->words;
	for (TsdbSummary *s = summaries; s < end; s++)
		s->sequence = *word++;
	return TSDB_OK;
}

static TsdbStatus
decode_values(Coding *coding, uint32_t fields)
{
	if (fields & (TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_FIRSTLAST))
		TSDB_TRY(decode_extremes(coding, fields));
	if (fields & TSDB_SUMMARY_MINMAX_TIMES)
		TSDB_TRY(decode_extreme_times(coding));
	if (fields & TSDB_SUMMARY_FIRSTLAST)
		TSDB_TRY(decode_end_times(coding));
	if (fields & TSDB_SUMMARY_INTEGRALS)
	{
		TSDB_TRY(open_ints(coding, CHUNK_TRANSITIONS, coding->nvalued));
		for (uint32_t i = 0; i < coding->nvalued; i++)
			coding->valued[i]->transitions = coding->words[i];
	}
	return TSDB_OK;
}

static TsdbStatus
decode_extremes(Coding *coding, uint32_t fields)
{
	uint32_t m = coding->nvalued;
	bool is_joined = (coding->head & HEAD_JOINED) != 0;
	const uint64_t *ends = coding->words;

	if (is_joined && m > JOINED_MAX)
		return TSDB_CORRUPT;
	if (is_joined || (fields & TSDB_SUMMARY_MINMAX))
	{
		TSDB_TRY(open_column(coding, CHUNK_EXTREMES, coding->type, is_joined ? 4 * m : 2 * m));
		for (uint32_t i = 0; i < m; i++)
		{
			coding->valued[i]->min = coding->words[i];
			coding->valued[i]->max = coding->words[m + i];
		}
	}
	if (!(fields & TSDB_SUMMARY_FIRSTLAST))
		return TSDB_OK;
	if (is_joined)
		ends += 2 * m;
	else
		TSDB_TRY(open_column(coding, CHUNK_ENDS, coding->type, 2 * m));
	for (uint32_t i = 0; i < m; i++)
	{
		coding->valued[i]->first = ends[i];
		coding->valued[i]->last = ends[m + i];
	}
	return TSDB_OK;
}

static TsdbStatus
decode_extreme_times(Coding *coding)
{
	uint32_t m = coding->nvalued;

	TSDB_TRY(open_ints(coding, CHUNK_EXTREME_TIMES, 2 * m));
	for (uint32_t i = 0; i < m; i++)
	{
		TsdbSummary *s = coding->valued[i];

		TSDB_TRY(get_time_inside(coding, i, s, &s->min_time));
		TSDB_TRY(get_time_inside(coding, m + i, s, &s->max_time));
		s->min_time += s->first_row_time;
		s->max_time += s->first_row_time;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_end_times(Coding *coding)
{
	uint32_t m = coding->nvalued;

	TSDB_TRY(open_ints(coding, CHUNK_VALUE_TIMES, 2 * m));
	for (uint32_t i = 0; i < m; i++)
	{
		TsdbSummary *s = coding->valued[i];

		TSDB_TRY(get_time_inside(coding, i, s, &s->first_time));
		TSDB_TRY(get_time_inside(coding, m + i, s, &s->last_time));
		s->first_time = s->first_row_time + s->first_time;
		s->last_time = s->last_row_time - s->last_time;
	}
	TSDB_TRY(open_ints(coding, CHUNK_VALUE_QUALITIES, 2 * m));
	for (uint32_t i = 0; i < m; i++)
	{
		coding->valued[i]->first_quality = (uint32_t) coding->words[i];
		coding->valued[i]->last_quality = (uint32_t) coding->words[m + i];
	}
	return TSDB_OK;
}

static TsdbStatus
decode_sums(Coding *coding, bool has_squares)
{
	if (tsdb_type_is_float(coding->type))
		TSDB_TRY(decode_decimals(coding));
	else if (coding->head >> HEAD_DECIMALS_SHIFT != 0)
		return TSDB_CORRUPT;
	tsdb_coding_split(coding);
	TSDB_TRY(decode_exact_sums(coding));
	if (has_squares)
		TSDB_TRY(decode_exact_squares(coding));
	return decode_floats(coding, has_squares);
}

static TsdbStatus
decode_decimals(Coding *coding)
{
	bool is_mixed = coding->chunks[CHUNK_DECIMALS].at != NULL;

	if (is_mixed)
		TSDB_TRY(open_ints(coding, CHUNK_DECIMALS, coding->nvalued));
	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		uint64_t decimals = is_mixed ? coding->words[i] : coding->head >> HEAD_DECIMALS_SHIFT;

		if (decimals > TSDB_MOMENTS_DECIMALS + 1)
			return TSDB_CORRUPT;
		coding->valued[i]->decimals = (uint8_t) decimals;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_exact_sums(Coding *coding)
{
	TSDB_TRY(open_ints(coding, CHUNK_SUM, coding->nexact));
	for (uint32_t i = 0; i < coding->nexact; i++)
		coding->exact[i]->int_sum_lo = coding->words[i];
	TSDB_TRY(open_ints(coding, CHUNK_SUM_HIGH, coding->nexact));
	for (uint32_t i = 0; i < coding->nexact; i++)
	{
		TsdbSummary *s = coding->exact[i];

		s->int_sum_hi = (int64_t) (coding->words[i] + (uint64_t) ((int64_t) s->int_sum_lo >> 63));
		if (s->decimals > 0)
			tsdb_moments_derive_sum(s);
	}
	return TSDB_OK;
}

static TsdbStatus
decode_exact_squares(Coding *coding)
{
	TSDB_TRY(open_ints(coding, CHUNK_SQUARES, coding->nexact));
	for (uint32_t i = 0; i < coding->nexact; i++)
		coding->exact[i]->int_sumsq_lo = coding->words[i];
	TSDB_TRY(open_ints(coding, CHUNK_SQUARES_HIGH, coding->nexact));
	for (uint32_t i = 0; i < coding->nexact; i++)
	{
		TsdbSummary *s = coding->exact[i];

		tsdb_moments_set_spread(s, (TsdbUint128) coding->words[i] << 64 | s->int_sumsq_lo);
		if (s->decimals > 0)
			tsdb_moments_derive_squares(s);
	}
	return TSDB_OK;
}

static TsdbStatus
decode_floats(Coding *coding, bool has_squares)
{
	TSDB_TRY(open_column(coding, CHUNK_FLOAT_SUM, TSDB_TYPE_FLOAT8, coding->nrounded));
	for (uint32_t i = 0; i < coding->nrounded; i++)
		coding->rounded[i]->sum_hi = tsdb_number_double(coding->words[i]);
	TSDB_TRY(open_column(coding, CHUNK_FLOAT_REST, TSDB_TYPE_FLOAT8, coding->nrounded));
	for (uint32_t i = 0; i < coding->nrounded; i++)
		coding->rounded[i]->sum_lo = tsdb_number_double(coding->words[i]);
	if (!has_squares)
		return TSDB_OK;
	TSDB_TRY(open_column(coding, CHUNK_FLOAT_SQUARES, TSDB_TYPE_FLOAT8, coding->nrounded));
	for (uint32_t i = 0; i < coding->nrounded; i++)
		coding->rounded[i]->m2 = tsdb_number_double(coding->words[i]);
	return TSDB_OK;
}

static TsdbStatus
decode_integrals(Coding *coding)
{
	TSDB_TRY(decode_integral_kinds(coding));
	TSDB_TRY(open_column(coding, CHUNK_STEPPED, TSDB_TYPE_FLOAT8, coding->nstored));
	for (uint32_t i = 0; i < coding->nstored; i++)
		coding->stored[i]->integral_stepped = tsdb_number_double(coding->words[i]);
	TSDB_TRY(open_column(coding, CHUNK_SLOPED, TSDB_TYPE_FLOAT8, coding->nstored));
	for (uint32_t i = 0; i < coding->nstored; i++)
		coding->stored[i]->integral_sloped = tsdb_number_double(coding->words[i]);
	return TSDB_OK;
}

/* decode_integral_kinds - derive the integrals that are not stored, list the others. */
static TsdbStatus
decode_integral_kinds(Coding *coding)
{
	uint8_t *kinds = (uint8_t *) tsdb_mem_alloc(coding->scratch, coding->n);

	memset(kinds, 0, coding->n);
	if (coding->chunks[CHUNK_INTEGRAL_KINDS].at != NULL)
		TSDB_TRY(tsdb_flags_decode(coding->chunks[CHUNK_INTEGRAL_KINDS], kinds, coding->nvalued, coding->scratch));
	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		TsdbSummary *s = coding->valued[i];

		if (kinds[i] == 1)
			coding->stored[coding->nstored++] = s;
		else if (kinds[i] > 1 || !tsdb_integral_regular(s, coding->type, &s->integral_stepped, &s->integral_sloped))
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

/* decode_states - time in the zero state and in others. */
static TsdbStatus
decode_states(Coding *coding)
{
	TSDB_TRY(open_ints(coding, CHUNK_ZERO, coding->nvalued));
	for (uint32_t i = 0; i < coding->nvalued; i++)
		TSDB_TRY(get_time_inside(coding, i, coding->valued[i], &coding->valued[i]->duration_zero_us));
	TSDB_TRY(open_ints(coding, CHUNK_STATELESS, coding->nvalued));
	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		TsdbSummary *s = coding->valued[i];
		int64_t stateless_us;

		TSDB_TRY(get_time_inside(coding, i, s, &stateless_us));
		s->duration_nonzero_us = s->duration_good_us + s->duration_uncertain_us - s->duration_zero_us - stateless_us;
		if (s->duration_nonzero_us < 0)
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_qualities(Coding *coding, TsdbSummary *summaries)
{
	uint32_t n = coding->n;
	uint64_t *word = coding->words;

	TSDB_TRY(open_ints(coding, CHUNK_NOT_GOOD, 2 * n));
	for (uint32_t i = 0; i < n; i++)
	{
		TsdbSummary *s = &summaries[i];

		if (word[i] > s->nrows || word[n + i] > s->nrows - word[i])
			return TSDB_CORRUPT;
		s->nuncertain = word[i];
		s->nbad = word[n + i];
		s->ngood = s->nrows - s->nuncertain - s->nbad;
	}
	TSDB_TRY(open_ints(coding, CHUNK_NOT_GOOD_TIMES, 2 * n));
	for (uint32_t i = 0; i < n; i++)
	{
		TsdbSummary *s = &summaries[i];

		TSDB_TRY(get_time_inside(coding, i, s, &s->duration_uncertain_us));
		TSDB_TRY(get_time_inside(coding, n + i, s, &s->duration_bad_us));
		s->duration_good_us = s->last_row_time - s->first_row_time - s->duration_uncertain_us;
		if (s->duration_bad_us > s->duration_good_us)
			return TSDB_CORRUPT;
		s->duration_good_us -= s->duration_bad_us;
	}
	TSDB_TRY(open_ints(coding, CHUNK_QUALITIES, 3 * n));
	for (uint32_t i = 0; i < n; i++)
	{
		summaries[i].worst_quality = (uint32_t) word[i];
		summaries[i].first_row_quality = (uint32_t) word[n + i];
		summaries[i].last_row_quality = (uint32_t) word[2 * n + i];
	}
	return TSDB_OK;
}

/* open_ints - the words of a chunk, zeros when it is not there. */
static TsdbStatus
open_ints(Coding *coding, Chunk chunk, uint32_t nwords)
{
	if (coding->chunks[chunk].at == NULL || nwords == 0 || nwords > TSDB_INTS_PLAIN)
		return open_column(coding, chunk, TSDB_TYPE_INT8, nwords);
	return tsdb_ints_decode(coding->chunks[chunk], (int64_t *) coding->words, nwords, coding->scratch);
}

static TsdbStatus
open_column(Coding *coding, Chunk chunk, TsdbType type, uint32_t nwords)
{
	if (coding->chunks[chunk].at == NULL)
	{
		memset(coding->words, 0, nwords * sizeof(uint64_t));
		return TSDB_OK;
	}
	return nwords == 0 ? TSDB_CORRUPT : tsdb_column_decode(coding->chunks[chunk], type, coding->words, nwords, coding->scratch);
}

/* get_time - word i of the open chunk as a duration. */
static TsdbStatus
get_time(const Coding *coding, uint32_t i, int64_t *time_us)
{
	return (int64_t) coding->words[i] >= 0 &&
				   !__builtin_mul_overflow((int64_t) coding->words[i], (int64_t) coding->unit_us, time_us)
			   ? TSDB_OK
			   : TSDB_CORRUPT;
}

/* get_time_inside - the same, no longer than the stretch. */
static TsdbStatus
get_time_inside(const Coding *coding, uint32_t i, const TsdbSummary *summary, int64_t *offset_us)
{
	TSDB_TRY(get_time(coding, i, offset_us));
	return *offset_us <= summary->last_row_time - summary->first_row_time ? TSDB_OK : TSDB_CORRUPT;
}
