/*-------------------------------------------------------------------------
 *
 * segsubs.c
 *	  Sub-summaries of a segment that is being written.
 *
 * Whole ones cover every block of a group.  Fine ones, of sums or of extremes alone, are there for edges of cells that cut
 * blocks, midnights of time zones above all.  They are left out of blocks that they can't be plain in, and where they
 * take more than a share of what the cells take: wider ones are tried first.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "format/subs.h"
#include "maint/segbuild_private.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "utils/memutils.h"

#define QUARTER_US INT64CONST(900000000)
#define WIDEST_FINE_US (4 * QUARTER_US)
#define FINE_ROWS 24 /* of a span that is worth a sum */
#define EXTREMES_SPANS 2 /* spans of sums in one of extremes */
#define SUMS_SHARE 16 /* cells take so many times what sums may take */
#define EXTREMES_SHARE 25
#define SMALL_BYTES 64 /* and so much more: groups that fill pay for their heads, and decide again when they are joined */

/* Sub-summaries of one kind in the old form of a group. */
typedef struct OldSubs
{
	int64 span_us; /* the widest */
	uint32 n;
	uint32 next;
	TsdbSummary *list;
} OldSubs;

static void compute_spans(TsdbSegmentBuild *build, NewSubs *subs, int v, const TsdbBatch *batch, const TsdbBlock *block,
						  uint32 from, int64 span_us);
static bool is_plain(const NewSubs *subs, TsdbType type, TsdbSubKind kind);
static void write_whole(TsdbSegmentBuild *build, int v, const Group *group, TsdbGroupColumn *column);
static void write_fine(TsdbSegmentBuild *build, int v, TsdbSubKind kind, const Group *group, TsdbGroupColumn *column);
static void encode(TsdbSegmentBuild *build, int v, const Group *group, const TsdbSummary *subs, uint32 n, TsdbBytes *bytes);
static void set_subs(TsdbSegmentBuild *build, TsdbSubs *subs, int64 span_us, uint32 n, const TsdbBytes *bytes);
static uint32 gather(TsdbSegmentBuild *build, int v, TsdbSubKind kind, const Group *group, OldSubs *old, int64 span_us,
					 TsdbSummary **subs);
static uint32 take_old(OldSubs *old, const TsdbBlock *block, TsdbSummary *subs);
static uint32 take_fine(const NewBlock *fresh, int v, TsdbType type, TsdbSubKind kind, TsdbSummary *subs);
static void read_old(TsdbSegmentBuild *build, int v, TsdbSubKind kind, OldSubs *old);

/* What queries ask for, where it is finer than a block and holds samples enough: zones cut hours in quarters, days are asked for most. */
void
tsdb_segsubs_choose(TsdbSegmentPlan *plan, double rows_per_us)
{
	static const struct
	{
		int64 sub_us;
		double rows;
	} spans[] = {{QUARTER_US, 256}, {TSDB_US_PER_DAY, 1024}};

	plan->sub_us = plan->fine_us = 0;
	for (Size i = 0; plan->sub_us == 0 && i < lengthof(spans); i++)
		if (plan->block_us > spans[i].sub_us && rows_per_us * spans[i].sub_us >= spans[i].rows &&
			plan->group_us / spans[i].sub_us <= TSDB_MAX_SUMMARIES)
			plan->sub_us = spans[i].sub_us;
	if (plan->sub_us == QUARTER_US)
		return;
	for (int64 fine_us = QUARTER_US; plan->fine_us == 0 && fine_us <= WIDEST_FINE_US; fine_us *= 2)
		if (plan->block_us > fine_us && rows_per_us * fine_us >= FINE_ROWS && plan->group_us / fine_us <= TSDB_MAX_SUMMARIES)
			plan->fine_us = fine_us;
}

void
tsdb_segsubs_compute(TsdbSegmentBuild *build, NewBlock *fresh, int v, const TsdbBatch *batch, uint32 from)
{
	TsdbType type = batch->columns[v].type;
	NewSubs *fine = &fresh->fine[v];

	if (build->sub_us[v] > 0)
		compute_spans(build, &fresh->subs[v], v, batch, &fresh->block, from, build->sub_us[v]);
	if (build->plan.fine_us == 0 || !tsdb_subs_can_reduce(&fresh->summaries[v], type, TSDB_SUBS_EXTREMES))
		return;
	compute_spans(build, fine, v, batch, &fresh->block, from, build->plan.fine_us);
}

void
tsdb_segsubs_write(TsdbSegmentBuild *build, int v, const Group *group, TsdbGroupColumn *column)
{
	if (build->sub_us[v] > 0)
		write_whole(build, v, group, column);
	write_fine(build, v, TSDB_SUBS_SUMS, group, column);
	write_fine(build, v, TSDB_SUBS_EXTREMES, group, column);
}

// private functions

static void
compute_spans(TsdbSegmentBuild *build, NewSubs *subs, int v, const TsdbBatch *batch, const TsdbBlock *block,
			  uint32 from, int64 span_us)
{
	uint32 until = from + block->nrows;
	uint32 capacity = Min((uint64) block->nrows, (uint64) (block->last_time - block->first_time) / span_us + 2);

	subs->list = palloc_array(TsdbSummary, capacity);
	while (from < until)
	{
		int64 start_us;
		uint32 end = from + 1;

		if (!tsdb_grid_floor(batch->times[from], span_us, &start_us))
			start_us = batch->times[from];
		while (end < until && batch->times[end] - start_us < span_us)
			end++;
		Assert(subs->n < capacity);
		tsdb_segbuild_summarize(build, &subs->list[subs->n++], v, batch, from, end - from);
		from = end;
	}
}

static bool
is_plain(const NewSubs *subs, TsdbType type, TsdbSubKind kind)
{
	for (uint32 i = 0; i < subs->n; i++)
		if (!tsdb_subs_can_reduce(&subs->list[i], type, kind))
			return false;
	return true;
}

static void
write_whole(TsdbSegmentBuild *build, int v, const Group *group, TsdbGroupColumn *column)
{
	OldSubs old;
	TsdbSummary *subs;
	TsdbBytes bytes;
	uint32 n;

	read_old(build, v, TSDB_SUBS_WHOLE, &old);
	n = gather(build, v, TSDB_SUBS_WHOLE, group, &old, build->sub_us[v], &subs);
	if (n == 0 || n > TSDB_MAX_SUMMARIES)
		return;
	encode(build, v, group, subs, n, &bytes);
	set_subs(build, &column->subs[TSDB_SUBS_WHOLE], build->sub_us[v], n, &bytes);
}

static void
write_fine(TsdbSegmentBuild *build, int v, TsdbSubKind kind, const Group *group, TsdbGroupColumn *column)
{
	int64 span_us = kind == TSDB_SUBS_SUMS ? build->plan.fine_us : Min(build->plan.fine_us * EXTREMES_SPANS, WIDEST_FINE_US);
	uint64 room = 0;
	OldSubs old;

	for (uint32 i = 0; i < group->n; i++)
		room += group->cells[i].nbytes;
	room = room / (kind == TSDB_SUBS_SUMS ? SUMS_SHARE : EXTREMES_SHARE) + SMALL_BYTES;
	read_old(build, v, kind, &old);
	span_us = Max(span_us, old.span_us);
	for (; span_us > 0 && span_us <= WIDEST_FINE_US; span_us *= 2)
	{
		TsdbSummary *subs;
		TsdbBytes bytes;
		uint32 n = gather(build, v, kind, group, &old, span_us, &subs);

		if (n == 0 || !tsdb_subs_align(subs, n))
			return;
		if (n > TSDB_MAX_SUMMARIES)
			continue;
		encode(build, v, group, subs, n, &bytes);
		if (bytes.len <= room)
		{
			set_subs(build, &column->subs[kind], span_us, n, &bytes);
			return;
		}
	}
}

static void
encode(TsdbSegmentBuild *build, int v, const Group *group, const TsdbSummary *subs, uint32 n, TsdbBytes *bytes)
{
	TsdbMem mem = tsdb_mem_context(build->scratch);

	tsdb_bytes_init(bytes, &mem);
	tsdb_summaries_encode(bytes, build->compaction->table.values[v].type, subs, n, group->from_us, &mem);
	bytes->mem = NULL;
}

static void
set_subs(TsdbSegmentBuild *build, TsdbSubs *subs, int64 span_us, uint32 n, const TsdbBytes *bytes)
{
	subs->span_us = span_us;
	subs->n = n;
	subs->ref = tsdb_segbuild_append(build, bytes->data, bytes->len);
}

/* Those of all blocks of the group that have any, in spans as wide as that at least. */
static uint32
gather(TsdbSegmentBuild *build, int v, TsdbSubKind kind, const Group *group, OldSubs *old, int64 span_us, TsdbSummary **subs)
{
	TsdbType type = build->compaction->table.values[v].type;
	uint32 total = old->n;
	uint32 n = 0;

	for (uint32 i = 0; i < group->n; i++)
		if (group->entries[i].fresh != NULL)
			total += kind == TSDB_SUBS_WHOLE ? group->entries[i].fresh->subs[v].n : group->entries[i].fresh->fine[v].n;
	*subs = MemoryContextAllocHuge(build->scratch, sizeof(TsdbSummary) * Max(total, 1));
	old->next = 0;
	for (uint32 i = 0; i < group->n; i++)
	{
		const NewBlock *fresh = group->entries[i].fresh;
		uint32 taken;

		CHECK_FOR_INTERRUPTS();
		if (fresh == NULL)
			taken = take_old(old, &group->blocks[i], *subs + n);
		else if (kind != TSDB_SUBS_WHOLE)
			taken = take_fine(fresh, v, type, kind, *subs + n);
		else
		{
			taken = fresh->subs[v].n;
			memcpy(*subs + n, fresh->subs[v].list, sizeof(TsdbSummary) * taken);
		}
		n += kind == TSDB_SUBS_WHOLE ? taken : tsdb_subs_coarsen(*subs + n, taken, type, span_us);
	}
	return n;
}

static uint32
take_old(OldSubs *old, const TsdbBlock *block, TsdbSummary *subs)
{
	uint32 n = 0;

	while (old->next < old->n && old->list[old->next].first_row_time < block->first_time)
		old->next++;
	while (old->next < old->n && old->list[old->next].first_row_time <= block->last_time)
		subs[n++] = old->list[old->next++];
	return n;
}

static uint32
take_fine(const NewBlock *fresh, int v, TsdbType type, TsdbSubKind kind, TsdbSummary *subs)
{
	const NewSubs *fine = &fresh->fine[v];

	if (!is_plain(fine, type, kind))
		return 0;
	for (uint32 i = 0; i < fine->n; i++)
	{
		subs[i] = fine->list[i];
		tsdb_subs_reduce(&subs[i], kind);
	}
	return fine->n;
}

static void
read_old(TsdbSegmentBuild *build, int v, TsdbSubKind kind, OldSubs *old)
{
	TsdbMem mem = tsdb_mem_context(build->scratch);
	int c = build->has_old ? build->old_columns[v] : -1;
	const TsdbSegment *segment;
	TsdbSummary *subs;

	memset(old, 0, sizeof(OldSubs));
	if (c < 0 || !build->loaded.has_column[c])
		return;
	segment = &build->old->segment;
	for (uint32 p = 0; p < build->loaded.ngroups; p++)
	{
		old->n += build->loaded.parts[p].columns[c].subs[kind].n;
		old->span_us = Max(old->span_us, build->loaded.parts[p].columns[c].subs[kind].span_us);
	}
	old->list = MemoryContextAllocHuge(build->scratch, sizeof(TsdbSummary) * Max(old->n, 1));
	subs = old->list;
	for (uint32 p = 0; p < build->loaded.ngroups; p++)
	{
		const TsdbLoadedGroup *part = &build->loaded.parts[p];
		const TsdbSubs *stored = &part->columns[c].subs[kind];
		TsdbSpan coded;

		if (stored->n == 0)
			continue;
		coded = tsdb_segstore_chunk(build->compaction->store, build->compaction->rel, build->compaction->snapshot,
									segment, stored->ref);
		TSDB_CHECK(tsdb_summaries_decode(coded, segment->columns[c].type, subs, stored->n,
										 segment->groups[part->group_no].from_us, TSDB_SUMMARY_ALL, &mem),
				   build->compaction->rel, "The sub-summaries of column %d in group %u of series %u, segment %d, do not decode.",
				   segment->columns[c].attnum, part->group_no, segment->series, segment->segment_no);
		for (uint32 i = 0; i < stored->n; i++)
			tsdb_subs_reduce(&subs[i], kind);
		subs += stored->n;
	}
}
