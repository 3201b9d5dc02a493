/*-------------------------------------------------------------------------
 *
 * ddl_refuse.c
 *	  What tsdb tables can't do: keys, publications, ON CONFLICT.
 *
 * Said when it is asked for, with what to do instead, and not when a row gets lost.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "am/ddl_private.h"
#include "pg/compat.h"

static planner_hook_type next_planner;

static PlannedStmt *plan(Query *query, const char *query_string, int cursor_options, ParamListInfo params);
static void check_on_conflict(Query *query);
static const char *tsdb_target(Oid relid);
static const char *index_kind(const FormData_pg_index *index);
static void check_reference(RangeVar *referenced, const char *new_table);
static List *publications_of(Relation rel);
static int count_included(Oid publication, Oid *relid);
static int count_ours(List *tables, Oid *first);
static void raise_indexed(const char *table_name, const char *what) pg_attribute_noreturn();
static void raise_published(const char *table_name) pg_attribute_noreturn();

void
tsdb_ddl_refuse_init(void)
{
	next_planner = planner_hook;
	planner_hook = plan;
}

void
tsdb_ddl_refuse_index(const FormData_pg_index *index)
{
	if (tsdb_table_is(index->indrelid))
		raise_indexed(get_rel_name(index->indrelid), index_kind(index));
}

void
tsdb_ddl_refuse_indexed(Relation rel)
{
	List *indexes = RelationGetIndexList(rel);

	if (indexes != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" can't become a tsdb table while it has indexes", RelationGetRelationName(rel)),
				 errdetail("It has %d, among them \"%s\".", list_length(indexes), get_rel_name(linitial_oid(indexes))),
				 errhint("Drop them and the keys that need them first: a tsdb table is ordered and unique by (tags, time) by itself.")));
}

void
tsdb_ddl_refuse_references(List *elements, const char *new_table)
{
	ListCell *lc;

	foreach (lc, elements)
	{
		Node *element = (Node *) lfirst(lc);

		if (element == NULL)
			continue;
		if (IsA(element, ColumnDef))
			tsdb_ddl_refuse_references(((ColumnDef *) element)->constraints, new_table);
		else if (IsA(element, Constraint) && ((Constraint *) element)->contype == CONSTR_FOREIGN)
			check_reference(((Constraint *) element)->pktable, new_table);
	}
}

void
tsdb_ddl_refuse_publishing(Relation rel)
{
	if (GetRelationPublications(RelationGetRelid(rel)) != NIL)
		raise_published(RelationGetRelationName(rel));
}

void
tsdb_ddl_refuse_warn_published(Relation rel)
{
	List *publications;

	if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		return;
	publications = publications_of(rel);
	if (publications == NIL)
		return;
	ereport(WARNING,
			(errmsg("rows of table \"%s\" are not replicated by publication \"%s\"",
					RelationGetRelationName(rel), get_publication_name(linitial_oid(publications), false)),
			 errdetail("Logical decoding does not see the rows of tsdb tables."),
			 errhint("Use physical replication for them; UPDATE and DELETE need ALTER TABLE ... REPLICA IDENTITY FULL.")));
}

void
tsdb_ddl_refuse_publication(Node *stmt)
{
	const char *name = NULL;
	Oid publication;
	Oid relid;
	int ntables;

	if (IsA(stmt, CreatePublicationStmt))
		name = ((CreatePublicationStmt *) stmt)->pubname;
	else if (IsA(stmt, AlterPublicationStmt))
		name = ((AlterPublicationStmt *) stmt)->pubname;
	publication = name ? get_publication_oid(name, true) : InvalidOid;
	if (!OidIsValid(publication))
		return;

	if (count_ours(GetPublicationRelations(publication, PUBLICATION_PART_ROOT), &relid) > 0)
		raise_published(get_rel_name(relid));
	ntables = count_included(publication, &relid);
	if (ntables > 0)
		ereport(WARNING,
				(errmsg("publication \"%s\" includes %d tsdb tables, among them \"%s\", whose rows are not replicated",
						name, ntables, get_rel_name(relid)),
				 errdetail("Logical decoding does not see the rows of tsdb tables."),
				 errhint("Use physical replication for them; UPDATE and DELETE need ALTER TABLE ... REPLICA IDENTITY FULL.")));
}

// private functions

static PlannedStmt *
plan(Query *query, const char *query_string, int cursor_options, ParamListInfo params)
{
	ListCell *lc;

	check_on_conflict(query);
	foreach (lc, query->cteList)
	{
		Node *cte_query = lfirst_node(CommonTableExpr, lc)->ctequery;

		/* Data-modifying ones stand at the top level only. */
		if (IsA(cte_query, Query))
			check_on_conflict((Query *) cte_query);
	}
	return (next_planner ? next_planner : standard_planner)(query, query_string, cursor_options, params);
}

/* check_on_conflict - in the planner, where views and rules have been replaced by tables, and before it looks for indexes. */
static void
check_on_conflict(Query *query)
{
	const char *table_name;

	if (query->commandType != CMD_INSERT || query->onConflict == NULL)
		return;
	table_name = tsdb_target(rt_fetch(query->resultRelation, query->rtable)->relid);
	if (table_name == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("INSERT ... ON CONFLICT is not supported by tsdb table \"%s\"", table_name),
			 errdetail("The table has no unique index; it is ordered and unique by (tags, time) by itself."),
			 errhint("A plain INSERT replaces a row with the same tags and time.")));
}

/* tsdb_target - name of the tsdb table that an INSERT into this one may reach, or NULL. */
static const char *
tsdb_target(Oid relid)
{
	ListCell *lc;

	if (tsdb_table_is(relid))
		return get_rel_name(relid);
	if (!OidIsValid(tsdb_table_am_oid()) || get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return NULL;
	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (tsdb_table_is(lfirst_oid(lc)))
			return get_rel_name(lfirst_oid(lc));
	}
	return NULL;
}

static const char *
index_kind(const FormData_pg_index *index)
{
	if (index->indisprimary)
		return "PRIMARY KEY";
	if (index->indisexclusion)
		return "EXCLUDE";
	return index->indisunique ? "UNIQUE" : "CREATE INDEX";
}

static void
check_reference(RangeVar *referenced, const char *new_table)
{
	bool itself;
	Oid relid;

	if (referenced == NULL)
		return;
	itself = new_table != NULL && strcmp(referenced->relname, new_table) == 0;
	relid = RangeVarGetRelid(referenced, NoLock, true);
	if (OidIsValid(relid) ? !tsdb_table_is(relid) : !itself)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("tsdb table \"%s\" can't be referenced by a foreign key", referenced->relname),
			 errdetail("It has no unique index that could find the referenced row."),
			 errhint("Reference a table of the things that are measured; a tsdb table may reference that one too.")));
}

/* publications_of - those that include a table without naming it: of all tables, of a schema, of a parent. */
static List *
publications_of(Relation rel)
{
	List *publications = list_concat(GetAllTablesPublications(), GetSchemaPublications(RelationGetNamespace(rel)));
	ListCell *lc;

	if (!rel->rd_rel->relispartition)
		return publications;
	foreach (lc, get_partition_ancestors(RelationGetRelid(rel)))
	{
		publications = list_concat(publications, GetRelationPublications(lfirst_oid(lc)));
		publications = list_concat(publications, GetSchemaPublications(get_rel_namespace(lfirst_oid(lc))));
	}
	return publications;
}

/* count_included - tsdb tables that a publication includes without naming them, and one of them. */
static int
count_included(Oid publication, Oid *relid)
{
	List *tables;

	if (GetPublication(publication)->alltables)
		tables = GetAllTablesPublicationRelations(false);
	else
		tables = list_concat(GetPublicationRelations(publication, PUBLICATION_PART_LEAF),
							 GetAllSchemaPublicationRelations(publication, PUBLICATION_PART_LEAF));
	return count_ours(tables, relid);
}

/* count_ours - number of tsdb tables in a list, and the first of them. */
static int
count_ours(List *tables, Oid *first)
{
	int ntables = 0;
	ListCell *lc;

	foreach (lc, tables)
	{
		CHECK_FOR_INTERRUPTS();
		if (tsdb_table_is(lfirst_oid(lc)) && ntables++ == 0)
			*first = lfirst_oid(lc);
	}
	return ntables;
}

static void
raise_indexed(const char *table_name, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is not supported by tsdb table \"%s\"", what, table_name),
			 errdetail("The table is already ordered and unique by (tags, time)."),
			 errhint("Leave it out: a plain INSERT replaces a row with the same tags and time, and searches by tags and time need no index.")));
}

static void
raise_published(const char *table_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("tsdb table \"%s\" can't be in a publication", table_name),
			 errdetail("Logical decoding does not see the rows of tsdb tables."),
			 errhint("Use physical replication for it.")));
}
