/*-------------------------------------------------------------------------
 *
 * listen.c
 *	  Sockets of the ingest server, from the addresses in its settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port.h"
#include "server/listen.h"
#include "server/settings.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#define BACKLOG 1024

static List *open_address(List *listeners, const char *address, int type);
static bool split_address(const char *address, char **host, char **port, char **schema);
static int open_socket(const struct addrinfo *info);

List *
tsdb_listen_open(const char *addresses, int type)
{
	List *listeners = NIL;
	List *elements;
	ListCell *lc;
	char *copy = pstrdup(addresses);

	if (!SplitGUCList(copy, ',', &elements))
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("list of addresses \"%s\" can't be read", addresses),
				 errhint("Write host:port, host:port, ...")));
	else
		foreach (lc, elements)
			listeners = open_address(listeners, lfirst(lc), type);
	return listeners;
}

bool
tsdb_listen_is_valid(const char *addresses)
{
	List *elements;
	ListCell *lc;
	char *host;
	char *port;
	char *schema;

	if (!SplitGUCList(pstrdup(addresses), ',', &elements))
		return false;
	foreach (lc, elements)
		if (!split_address(lfirst(lc), &host, &port, &schema))
			return false;
	return true;
}

void
tsdb_listen_close(List *listeners)
{
	ListCell *lc;

	foreach (lc, listeners)
	{
		TsdbListener *listener = lfirst(lc);

		if (listener->fd >= 0)
			close(listener->fd);
	}
	list_free_deep(listeners);
}

// private functions

static List *
open_address(List *listeners, const char *address, int type)
{
	struct addrinfo hints = {0};
	struct addrinfo *infos = NULL;
	char *host;
	char *port;
	char *schema;
	int error;

	if (!split_address(address, &host, &port, &schema))
	{
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("address \"%s\" can't be read", address),
				 errhint("Write host:port, for instance 127.0.0.1:8086.")));
		return listeners;
	}
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = type;
	hints.ai_flags = AI_PASSIVE;
	error = getaddrinfo(*host == '\0' || strcmp(host, "*") == 0 ? NULL : host, port, &hints, &infos);
	if (error != 0)
		ereport(LOG,
				(errmsg("address \"%s\" is not known: %s", address, gai_strerror(error)),
				 errhint("Correct the setting and reload the configuration.")));
	for (struct addrinfo *info = infos; error == 0 && info != NULL; info = info->ai_next)
	{
		TsdbListener *listener;
		int fd = open_socket(info);

		if (fd < 0)
		{
			ereport(LOG,
					(errcode_for_socket_access(),
					 errmsg("could not listen on \"%s\": %m", address),
					 errhint("Is another server using the port?  Correct the setting and reload the configuration.")));
			continue;
		}
		listener = palloc(sizeof(TsdbListener));
		listener->fd = fd;
		listener->address = pstrdup(address);
		listener->schema = pstrdup(schema);
		listeners = lappend(listeners, listener);
	}
	if (infos != NULL)
		freeaddrinfo(infos);
	return listeners;
}

/* host:port, [v6 host]:port, port; each perhaps with /schema. */
static bool
split_address(const char *address, char **host, char **port, char **schema)
{
	char *copy = pstrdup(address);
	char *slash = strchr(copy, '/');
	char *colon;

	*schema = "public";
	if (slash != NULL)
	{
		*slash = '\0';
		*schema = slash + 1;
	}
	colon = strrchr(copy, ':');
	*host = colon != NULL ? copy : "127.0.0.1";
	*port = colon != NULL ? colon + 1 : copy;
	if (colon != NULL)
		*colon = '\0';
	if (**host == '[' && (*host)[strlen(*host) - 1] == ']')
	{
		(*host)[strlen(*host) - 1] = '\0';
		(*host)++;
	}
	return **port != '\0' && strspn(*port, "0123456789") == strlen(*port) && **schema != '\0';
}

/*
 * Only workers that have siblings share a port: alone, one should find out that another cluster of the same
 * user has it, rather than get half of that one's connections.
 */
static int
open_socket(const struct addrinfo *info)
{
	int on = 1;
	bool is_shared = tsdb_ingest_workers > 1;
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);

	if (fd < 0)
		return -1;
	if (((is_shared || info->ai_socktype == SOCK_STREAM) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
		(is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
		(info->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
		bind(fd, info->ai_addr, info->ai_addrlen) < 0 ||
		(info->ai_socktype == SOCK_STREAM && listen(fd, BACKLOG) < 0))
	{
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}
