/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  Settings of the ingest server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SETTINGS_H
#define TSDB_SETTINGS_H

#define TSDB_MAX_INGEST_WORKERS 64

extern char *tsdb_ingest_database; /* '' = no server */
extern int tsdb_ingest_workers;
extern char *tsdb_http_listen; /* lists of host:port, '' = none */
extern char *tsdb_tcp_listen;
extern char *tsdb_udp_listen;
extern int tsdb_ingest_memory_kb; /* bodies and lines that wait, per worker */
extern int tsdb_ingest_max_body_kb; /* one body, unpacked */
extern int tsdb_ingest_max_connections; /* per worker */
extern int tsdb_ingest_timeout_s; /* of a silent connection */
extern char *tsdb_anonymous_role; /* '' = who gives no name is refused */
extern char *tsdb_default_sample_interval; /* grid of tables that the server makes */

/* tsdb_settings_init - define them; from _PG_init. */
extern void tsdb_settings_init(void);

#endif /* TSDB_SETTINGS_H */
