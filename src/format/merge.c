/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  Last write wins: the only code that decides which value a reader sees.
 *
 * The versions of all sources are listed in order (versions.c), then one pass
 * over base and list decides key by key:
 *
 *		newest version	below it						result
 *		FULL			anything						that row
 *		TOMBSTONE		anything						no row
 *		PATCH			only PATCHes, then FULL or base	composed cell by cell
 *		PATCH			only PATCHes, then TOMBSTONE or nothing		composed, rest NULL
 *
 * Stretches of the base between two keys are found by doubling steps and
 * copied whole.
 *-------------------------------------------------------------------------
 */
#include "format/merge.h"
#include "format/pieces.h"
#include "format/versions.h"

static bool is_plain(const TsdbMergeSource *source, uint64_t watermark);
static bool replaces_all(const TsdbBatch *base, uint32_t base_from, uint32_t base_until,
						 const TsdbMergeSource *source, uint64_t watermark);
static bool has_unique_keys(const TsdbBatch *batch, uint32_t from, uint32_t until);
static void share_rows(const TsdbBatch *batch, uint32_t from, uint32_t until, TsdbBatch *out, const TsdbMem *mem);
static void identity_origins(int32_t source, uint32_t from, uint32_t until, TsdbOrigin **origins,
							 const TsdbMem *mem);
static void decide_rows(TsdbPieces *list, uint32_t nversions, uint32_t base_from, uint32_t base_until);
static uint32_t key_end(const TsdbVersion *versions, uint32_t from, uint32_t n);
static uint32_t newest_whole(const TsdbVersion *versions, uint32_t from, uint32_t until);
static uint32_t skip_base(const TsdbBatch *base, uint32_t from, uint32_t until, const TsdbVersion *version);
static bool is_below(const TsdbBatch *batch, uint32_t row, const TsdbVersion *version);
static void append_composed(TsdbPieces *list, uint32_t from, uint32_t n, uint32_t base_row);
static TsdbOrigin *list_origins(const TsdbPieces *list, const TsdbMem *mem);
static void keep_versions(const TsdbPieces *list, TsdbBatch *out, uint64_t *sequences, const TsdbMem *mem);

/*
 * When nothing is to be merged the result shares arrays and arena with its
 * only input.  out->sequence is the highest sequence of what was merged in.
 */
TsdbStatus
tsdb_merge_rows(const TsdbBatch *base, uint32_t base_from, uint32_t base_until, const TsdbMergeSource *sources,
				int nsources, uint64_t watermark, TsdbBatch *out, TsdbOrigin **origins, const TsdbMem *mem)
{
	TsdbPieces list;
	TsdbStatus status;
	uint32_t nversions;
	uint64_t sequence = base ? base->sequence : 0;
	uint32_t i;

	if (base != NULL && nsources == 0)
	{
		share_rows(base, base_from, base_until, out, mem);
		identity_origins(TSDB_PIECE_BASE, base_from, base_until, origins, mem);
		return TSDB_OK;
	}
	if ((base == NULL || base_from == base_until) && nsources == 1 && is_plain(&sources[0], watermark))
	{
		share_rows(sources[0].batch, sources[0].from, sources[0].until, out, mem);
		identity_origins(0, sources[0].from, sources[0].until, origins, mem);
		return TSDB_OK;
	}

	if (base != NULL && nsources == 1 && replaces_all(base, base_from, base_until, &sources[0], watermark))
	{
		share_rows(sources[0].batch, sources[0].from, sources[0].until, out, mem);
		identity_origins(0, sources[0].from, sources[0].until, origins, mem);
		if (sequence > out->sequence)
			out->sequence = sequence;
		return TSDB_OK;
	}

	memset(&list, 0, sizeof(list));
	list.base = base;
	list.sources = sources;
	list.nsources = nsources;
	list.versions = tsdb_versions_collect(sources, nsources, watermark, &nversions, mem);
	list.pieces = (TsdbPiece *) tsdb_mem_alloc(mem, (2 * (size_t) nversions + 1) * sizeof(TsdbPiece));
	decide_rows(&list, nversions, base_from, base ? base_until : base_from);
	status = tsdb_pieces_build(&list, out, mem);
	if (status != TSDB_OK)
		return status;
	for (i = 0; i < nversions; i++)
	{
		if (list.versions[i].sequence != UINT64_MAX && list.versions[i].sequence > sequence)
			sequence = list.versions[i].sequence;
	}
	out->sequence = sequence;
	if (origins != NULL)
		*origins = list_origins(&list, mem);
	return TSDB_OK;
}

TsdbStatus
tsdb_merge_versions(const TsdbMergeSource *sources, int nsources, TsdbBatch *out, const TsdbMem *mem)
{
	TsdbPieces list;
	TsdbStatus status;
	uint32_t nversions;
	uint64_t *sequences;
	uint32_t kept = 0;
	uint32_t from;
	uint32_t until;
	uint32_t i;

	memset(&list, 0, sizeof(list));
	list.sources = sources;
	list.nsources = nsources;
	list.versions = tsdb_versions_collect(sources, nsources, 0, &nversions, mem);
	list.pieces = (TsdbPiece *) tsdb_mem_alloc(mem, ((size_t) nversions + 1) * sizeof(TsdbPiece));
	sequences = (uint64_t *) tsdb_mem_alloc(mem, ((size_t) nversions + 1) * sizeof(uint64_t));
	for (from = 0; from < nversions; from = until)
	{
		until = key_end(list.versions, from, nversions);
		i = newest_whole(list.versions, from, until);
		for (i = i == until ? from : i; i < until; i++)
		{
			tsdb_pieces_append(&list, list.versions[i].source, list.versions[i].row, 1);
			sequences[kept++] = list.versions[i].sequence;
		}
	}
	status = tsdb_pieces_build(&list, out, mem);
	if (status == TSDB_OK)
		keep_versions(&list, out, sequences, mem);
	return status;
}

// private functions

/* is_plain - are the rows of a source, taken alone, a result already? */
static bool
is_plain(const TsdbMergeSource *source, uint64_t watermark)
{
	const TsdbBatch *batch = source->batch;

	if (batch->kinds != NULL || (!source->is_pending && (batch->sequences != NULL || batch->sequence < watermark)))
		return false;
	return has_unique_keys(batch, source->from, source->until);
}

/* replaces_all - does a source hold a whole row for each row of the base, and nothing else?  A stretch that was written again. */
static bool
replaces_all(const TsdbBatch *base, uint32_t base_from, uint32_t base_until,
			 const TsdbMergeSource *source, uint64_t watermark)
{
	const TsdbBatch *batch = source->batch;
	uint32_t n = base_until - base_from;

	if (n == 0 || source->until - source->from != n || batch->kinds != NULL ||
		(!source->is_pending && (batch->sequences != NULL || batch->sequence < watermark)) ||
		memcmp(base->times + base_from, batch->times + source->from, n * sizeof(int64_t)) != 0)
		return false;
	/* Keys ascend, so the ends say it for all rows. */
	return tsdb_batch_key(base, base_from).series == tsdb_batch_key(base, base_until - 1).series &&
		   tsdb_batch_key(base, base_from).series == tsdb_batch_key(batch, source->from).series &&
		   tsdb_batch_key(base, base_from).series == tsdb_batch_key(batch, source->until - 1).series;
}

static bool
has_unique_keys(const TsdbBatch *batch, uint32_t from, uint32_t until)
{
	uint32_t i;

	for (i = from + 1; i < until; i++)
	{
		if (batch->series != NULL && batch->series[i] > batch->series[i - 1])
			continue;
		if (batch->times[i] <= batch->times[i - 1] ||
			(batch->series != NULL && batch->series[i] < batch->series[i - 1]))
			return false;
	}
	return true;
}

static void
share_rows(const TsdbBatch *batch, uint32_t from, uint32_t until, TsdbBatch *out, const TsdbMem *mem)
{
	int i;

	*out = *batch;
	out->nrows = until - from;
	out->times = batch->times + from;
	out->series = batch->series ? batch->series + from : NULL;
	out->sequences = NULL;
	out->kinds = NULL;
	out->arena.cap = out->arena.len;
	out->arena.mem = mem;
	out->columns = (TsdbColumn *) tsdb_mem_alloc(mem, ((size_t) batch->ncolumns + 1) * sizeof(TsdbColumn));
	for (i = 0; i < batch->ncolumns; i++)
	{
		out->columns[i] = batch->columns[i];
		out->columns[i].words = batch->columns[i].words + from;
		out->columns[i].states = batch->columns[i].states ? batch->columns[i].states + from : NULL;
	}
}

static void
identity_origins(int32_t source, uint32_t from, uint32_t until, TsdbOrigin **origins, const TsdbMem *mem)
{
	uint32_t i;

	if (origins == NULL)
		return;
	*origins = (TsdbOrigin *) tsdb_mem_alloc(mem, ((size_t) (until - from) + 1) * sizeof(TsdbOrigin));
	for (i = from; i < until; i++)
	{
		(*origins)[i - from].source = source;
		(*origins)[i - from].row = i;
	}
}

static void
decide_rows(TsdbPieces *list, uint32_t nversions, uint32_t base_from, uint32_t base_until)
{
	const TsdbVersion *versions = list->versions;
	uint32_t base_row = base_from;
	uint32_t from;
	uint32_t until;

	for (from = 0; from < nversions; from = until)
	{
		uint32_t below = skip_base(list->base, base_row, base_until, &versions[from]);
		uint32_t whole;
		bool in_base;

		if (below > base_row)
			tsdb_pieces_append(list, TSDB_PIECE_BASE, base_row, below - base_row);
		base_row = below;
		in_base = base_row < base_until && list->base->times[base_row] == versions[from].time &&
				  tsdb_batch_key(list->base, base_row).series == versions[from].series;

		until = key_end(versions, from, nversions);
		whole = newest_whole(versions, from, until);
		if (whole == until)
			append_composed(list, from, until - from, in_base ? base_row : TSDB_PIECE_NO_ROW);
		else if (whole < until - 1)
			append_composed(list, whole, until - whole, TSDB_PIECE_NO_ROW);
		else if (versions[whole].kind == TSDB_ROW_FULL)
			tsdb_pieces_append(list, versions[whole].source, versions[whole].row, 1);
		if (in_base)
			base_row++;
	}
	if (base_until > base_row)
		tsdb_pieces_append(list, TSDB_PIECE_BASE, base_row, base_until - base_row);
}

/* key_end - first version behind those of the key of version `from`. */
static uint32_t
key_end(const TsdbVersion *versions, uint32_t from, uint32_t n)
{
	uint32_t until = from + 1;

	while (until < n && tsdb_version_same_key(&versions[until], &versions[from]))
		until++;
	return until;
}

/* newest_whole - the last version that is FULL or a TOMBSTONE; `until` when all are PATCHes. */
static uint32_t
newest_whole(const TsdbVersion *versions, uint32_t from, uint32_t until)
{
	uint32_t i;

	for (i = until; i-- > from;)
	{
		if (versions[i].kind != TSDB_ROW_PATCH)
			return i;
	}
	return until;
}

/* skip_base - first row of the base from `from` on that is not below the version's key. */
static uint32_t
skip_base(const TsdbBatch *base, uint32_t from, uint32_t until, const TsdbVersion *version)
{
	uint32_t step = 1;
	uint32_t low = from;
	uint32_t high;

	while (step <= until - low && is_below(base, low + step - 1, version))
	{
		low += step;
		step *= 2;
	}
	high = step <= until - low ? low + step - 1 : until;
	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (is_below(base, middle, version))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_below(const TsdbBatch *batch, uint32_t row, const TsdbVersion *version)
{
	uint32_t series = batch->series ? batch->series[row] : batch->series_id;

	return series < version->series || (series == version->series && batch->times[row] < version->time);
}

static void
append_composed(TsdbPieces *list, uint32_t from, uint32_t n, uint32_t base_row)
{
	TsdbPiece *piece = &list->pieces[list->npieces++];

	piece->source = TSDB_PIECE_COMPOSED;
	piece->from = from;
	piece->n = n;
	piece->base_row = base_row;
	list->nrows++;
}

static TsdbOrigin *
list_origins(const TsdbPieces *list, const TsdbMem *mem)
{
	TsdbOrigin *origins = (TsdbOrigin *) tsdb_mem_alloc(mem, ((size_t) list->nrows + 1) * sizeof(TsdbOrigin));
	uint32_t done = 0;
	uint32_t i;
	uint32_t j;

	for (i = 0; i < list->npieces; i++)
	{
		const TsdbPiece *piece = &list->pieces[i];

		if (piece->source == TSDB_PIECE_COMPOSED)
		{
			const TsdbVersion *newest = &list->versions[piece->from + piece->n - 1];

			origins[done].source = newest->source;
			origins[done++].row = newest->row;
			continue;
		}
		for (j = 0; j < piece->n; j++)
		{
			origins[done].source = piece->source;
			origins[done++].row = piece->from + j;
		}
	}
	return origins;
}

/* keep_versions - sequences and kinds of the result, as plainly as they allow. */
static void
keep_versions(const TsdbPieces *list, TsdbBatch *out, uint64_t *sequences, const TsdbMem *mem)
{
	uint8_t *kinds = (uint8_t *) tsdb_mem_alloc(mem, (size_t) out->nrows + 1);
	uint8_t all = 0;
	bool equal = true;
	uint32_t done = 0;
	uint32_t i;
	uint32_t j;

	for (i = 0; i < list->npieces; i++)
	{
		const TsdbPiece *piece = &list->pieces[i];
		const TsdbBatch *batch = tsdb_pieces_batch(list, piece->source);

		for (j = 0; j < piece->n; j++)
		{
			kinds[done] = batch->kinds ? batch->kinds[piece->from + j] : TSDB_ROW_FULL;
			equal = equal && sequences[done] == sequences[0];
			all |= kinds[done++];
		}
	}
	out->kinds = all == TSDB_ROW_FULL ? NULL : kinds;
	out->sequences = equal ? NULL : sequences;
	out->sequence = out->nrows > 0 ? sequences[0] : 0;
}
