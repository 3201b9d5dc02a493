/*-------------------------------------------------------------------------
 *
 * tsdb.c
 *	  Module entry: starts each layer, nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "am/ddl.h"
#include "am/handler.h"
#include "am/rowaccess.h"
#include "edit/capture.h"
#include "edit/statement.h"
#include "fmgr.h"
#include "maint/maintainer.h"
#include "miscadmin.h"
#include "pg/debug_point.h"
#include "plan/planner.h"
#include "server/ingester.h"
#include "store/metapage.h"
#include "store/runbase.h"
#include "utils/guc.h"
#include "write/buffer.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
	{
		/* pg_upgrade restores definitions into a server that need not preload; it reads and writes no rows. */
		if (IsBinaryUpgrade)
		{
			tsdb_handler_init();
			tsdb_ddl_init();
			return;
		}
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library \"tsdb\" must be loaded when the server starts"),
				 errhint("Add this line to postgresql.conf and restart the server: shared_preload_libraries = 'tsdb'")));
	}
	tsdb_debug_point_init();
	tsdb_metapage_shmem_init();
	tsdb_runbase_init();
	tsdb_buffer_init();
	tsdb_capture_init();
	tsdb_statement_init();
	tsdb_handler_init();
	tsdb_rowaccess_init();
	tsdb_ddl_init();
	tsdb_planner_init();
	tsdb_maintainer_init();
	tsdb_ingester_init();
	MarkGUCPrefixReserved("tsdb");
}
