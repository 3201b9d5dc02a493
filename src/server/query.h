/*-------------------------------------------------------------------------
 *
 * query.h
 *	  The statements of InfluxQL that clients need before they write.
 *
 * CREATE DATABASE, SHOW DATABASES, SHOW MEASUREMENTS, SHOW RETENTION POLICIES; the rest of the language is not there.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_QUERY_H
#define TSDB_QUERY_H

#include "server/http.h"

/* tsdb_query_serve - answer a request on /query; statements come as argument q or in the body. Outside a transaction. */
extern void tsdb_query_serve(TsdbHttpRequest *request, Oid role);

#endif /* TSDB_QUERY_H */
