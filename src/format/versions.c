/*-------------------------------------------------------------------------
 *
 * versions.c
 *	  The rows of all merge sources in one order: key, sequence, arrival.
 *
 * A natural merge sort: the sources are ascending each, so a few passes over
 * neighbouring stretches suffice; being stable it keeps order of sources and
 * rows where key and sequence are equal.
 *-------------------------------------------------------------------------
 */
#include "format/versions.h"

static uint32_t list_rows(TsdbVersion *versions, const TsdbMergeSource *source, int32_t source_no,
						  uint64_t watermark);
static int compare_versions(const TsdbVersion *a, const TsdbVersion *b);
static TsdbVersion *sort_versions(TsdbVersion *versions, uint32_t n, const TsdbMem *mem);
static uint32_t count_stretches(const TsdbVersion *versions, uint32_t n);
static void list_stretches(const TsdbVersion *versions, uint32_t n, uint32_t *starts);
static void merge_neighbours(TsdbVersion *to, const TsdbVersion *from, uint32_t middle, uint32_t n);

TsdbVersion *
tsdb_versions_collect(const TsdbMergeSource *sources, int nsources, uint64_t watermark, uint32_t *nversions,
					  const TsdbMem *mem)
{
	TsdbVersion *versions;
	size_t room = 1;
	uint32_t n = 0;
	int i;

	for (i = 0; i < nsources; i++)
		room += sources[i].until - sources[i].from;
	versions = (TsdbVersion *) tsdb_mem_alloc(mem, room * sizeof(TsdbVersion));
	for (i = 0; i < nsources; i++)
		n += list_rows(versions + n, &sources[i], i, watermark);
	*nversions = n;
	return sort_versions(versions, n, mem);
}

// private functions

static uint32_t
list_rows(TsdbVersion *versions, const TsdbMergeSource *source, int32_t source_no, uint64_t watermark)
{
	const TsdbBatch *batch = source->batch;
	uint32_t n = 0;
	uint32_t row;

	for (row = source->from; row < source->until; row++)
	{
		uint64_t sequence = batch->sequences ? batch->sequences[row] : batch->sequence;
		TsdbVersion *version = &versions[n];

		if (source->is_pending)
			sequence = UINT64_MAX;
		else if (sequence < watermark)
			continue;
		version->time = batch->times[row];
		version->sequence = sequence;
		version->series = batch->series ? batch->series[row] : batch->series_id;
		version->source = source_no;
		version->row = row;
		version->kind = batch->kinds ? batch->kinds[row] : TSDB_ROW_FULL;
		n++;
	}
	return n;
}

static int
compare_versions(const TsdbVersion *a, const TsdbVersion *b)
{
	if (a->series != b->series)
		return a->series < b->series ? -1 : 1;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

static TsdbVersion *
sort_versions(TsdbVersion *versions, uint32_t n, const TsdbMem *mem)
{
	uint32_t nstretches = count_stretches(versions, n);
	uint32_t *starts;
	TsdbVersion *other;
	uint32_t i;

	if (nstretches <= 1)
		return versions;
	starts = (uint32_t *) tsdb_mem_alloc(mem, ((size_t) nstretches + 1) * sizeof(uint32_t));
	other = (TsdbVersion *) tsdb_mem_alloc(mem, n * sizeof(TsdbVersion));
	list_stretches(versions, n, starts);
	while (nstretches > 1)
	{
		TsdbVersion *merged = other;
		uint32_t kept = 0;

		for (i = 0; i < nstretches; i += 2)
		{
			uint32_t from = starts[i];
			uint32_t middle = starts[i + 1];
			uint32_t until = i + 2 <= nstretches ? starts[i + 2] : middle;

			merge_neighbours(merged + from, versions + from, middle - from, until - from);
			starts[kept++] = from;
		}
		starts[kept] = n;
		nstretches = kept;
		other = versions;
		versions = merged;
	}
	return versions;
}

static uint32_t
count_stretches(const TsdbVersion *versions, uint32_t n)
{
	uint32_t nstretches = n > 0;
	uint32_t i;

	for (i = 1; i < n; i++)
		nstretches += compare_versions(&versions[i - 1], &versions[i]) > 0;
	return nstretches;
}

/* list_stretches - starts of the ascending stretches, and n behind them. */
static void
list_stretches(const TsdbVersion *versions, uint32_t n, uint32_t *starts)
{
	uint32_t nstretches = 0;
	uint32_t i;

	starts[nstretches++] = 0;
	for (i = 1; i < n; i++)
	{
		if (compare_versions(&versions[i - 1], &versions[i]) > 0)
			starts[nstretches++] = i;
	}
	starts[nstretches] = n;
}

/* merge_neighbours - from[0 .. middle-1] and from[middle .. n-1], both ascending, into to; the former first. */
static void
merge_neighbours(TsdbVersion *to, const TsdbVersion *from, uint32_t middle, uint32_t n)
{
	uint32_t a = 0;
	uint32_t b = middle;

	while (a < middle && b < n)
	{
		if (compare_versions(&from[b], &from[a]) < 0)
			*to++ = from[b++];
		else
			*to++ = from[a++];
	}
	if (a < middle)
		memcpy(to, from + a, (middle - a) * sizeof(TsdbVersion));
	else if (b < n)
		memcpy(to, from + b, (n - b) * sizeof(TsdbVersion));
}
