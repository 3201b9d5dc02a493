/*-------------------------------------------------------------------------
 *
 * lineproto_load.c
 *	  A client that sends bodies of line protocol as fast as a server takes them, and costs next to nothing.
 *
 *	lineproto_load port path connections lines [repeats] <file
 *
 * The requests are made beforehand, of so many lines each; a connection sends the next one that nobody has sent as soon as its
 * last one is answered.  Prints: milliseconds, requests, those answered with something else than 204, the
 * client's own processor time in milliseconds.
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define ANSWER_BYTES 4096

typedef struct Request
{
	char *bytes;
	size_t nbytes;
} Request;

typedef struct Connection
{
	const Request *request; /* being sent or waited for, NULL = none is left */
	size_t nsent;
	size_t nanswer;
	char answer[ANSWER_BYTES + 1];
} Connection;

static Request *requests = NULL;
static size_t nrequests = 0;
static size_t next_request = 0;
static size_t repeats = 1;
static size_t nfailed = 0;

static void die(const char *what);
static void read_requests(const char *path, size_t lines_each);
static void add_request(const char *path, const char *body, size_t nbytes);
static int open_connection(int port);
static const Request *take_request(void);
static void run(struct pollfd *polls, Connection *connections, int n);
static void send_some(struct pollfd *pfd, Connection *connection);
static void receive_some(struct pollfd *pfd, Connection *connection);
static bool is_answered(const Connection *connection);
static double now_ms(void);

int
main(int argc, char **argv)
{
	static struct pollfd polls[MAX_CONNECTIONS];
	static Connection connections[MAX_CONNECTIONS];
	struct rusage usage;
	double began;
	int n;

	if (argc < 5 || (n = atoi(argv[3])) < 1 || n > MAX_CONNECTIONS || atoi(argv[4]) < 1)
	{
		fprintf(stderr, "usage: lineproto_load port path connections lines [repeats] <file\n");
		return 2;
	}
	read_requests(argv[2], (size_t) atoi(argv[4]));
	if (argc > 5)
		repeats = (size_t) atoi(argv[5]);
	for (int i = 0; i < n; i++)
	{
		polls[i].fd = open_connection(atoi(argv[1]));
		polls[i].events = POLLOUT;
		connections[i].request = take_request();
	}
	began = now_ms();
	run(polls, connections, n);
	getrusage(RUSAGE_SELF, &usage);
	printf("%.1f %zu %zu %.1f\n", now_ms() - began, nrequests * repeats, nfailed,
		   (usage.ru_stime.tv_sec + usage.ru_utime.tv_sec) * 1e3 + (usage.ru_stime.tv_usec + usage.ru_utime.tv_usec) / 1e3);
	return nfailed > 0;
}

// private functions

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* The whole of stdin, cut into requests. */
static void
read_requests(const char *path, size_t lines_each)
{
	size_t room = (size_t) 1 << 26;
	size_t nbytes = 0;
	size_t n;
	size_t nlines = 0;
	char *text = malloc(room);
	char *begin;

	while (text != NULL && (n = fread(text + nbytes, 1, room - nbytes, stdin)) > 0)
	{
		nbytes += n;
		if (nbytes == room)
			text = realloc(text, room *= 2);
	}
	if (text == NULL)
		die("malloc");
	begin = text;
	for (char *at = text; (at = memchr(at, '\n', (size_t) (text + nbytes - at))) != NULL;)
	{
		at++;
		if (++nlines % lines_each == 0)
		{
			add_request(path, begin, (size_t) (at - begin));
			begin = at;
		}
	}
	if (begin < text + nbytes)
		add_request(path, begin, (size_t) (text + nbytes - begin));
	free(text);
}

static void
add_request(const char *path, const char *body, size_t nbytes)
{
	char head[1024];
	int nhead = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", path, nbytes);
	Request *request;

	if ((nrequests & (nrequests - 1)) == 0 &&
		(requests = realloc(requests, sizeof(Request) * (nrequests == 0 ? 1 : nrequests * 2))) == NULL)
		die("realloc");
	request = &requests[nrequests++];
	request->nbytes = (size_t) nhead + nbytes;
	request->bytes = malloc(request->nbytes);
	if (request->bytes == NULL || (size_t) nhead >= sizeof(head))
		die("malloc");
	memcpy(request->bytes, head, (size_t) nhead);
	memcpy(request->bytes + nhead, body, nbytes);
}

static int
open_connection(int port)
{
	struct sockaddr_in address;
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons((unsigned short) port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
		die("connect");
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static const Request *
take_request(void)
{
	if (next_request == nrequests * repeats)
		return NULL;
	return &requests[next_request++ % nrequests];
}

static void
run(struct pollfd *polls, Connection *connections, int n)
{
	for (;;)
	{
		bool is_done = true;

		for (int i = 0; i < n; i++)
		{
			if (connections[i].request == NULL)
				polls[i].fd = -1;
			else
				is_done = false;
		}
		if (is_done)
			return;
		if (poll(polls, (nfds_t) n, -1) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < n; i++)
		{
			if (polls[i].fd < 0)
				continue;
			if (polls[i].revents & (POLLIN | POLLERR | POLLHUP))
				receive_some(&polls[i], &connections[i]);
			else if (polls[i].revents & POLLOUT)
				send_some(&polls[i], &connections[i]);
		}
	}
}

static void
send_some(struct pollfd *pfd, Connection *connection)
{
	const Request *request = connection->request;
	ssize_t n = send(pfd->fd, request->bytes + connection->nsent, request->nbytes - connection->nsent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die("send");
	if (n > 0)
		connection->nsent += (size_t) n;
	if (connection->nsent == request->nbytes)
		pfd->events = POLLIN;
}

static void
receive_some(struct pollfd *pfd, Connection *connection)
{
	ssize_t n = recv(pfd->fd, connection->answer + connection->nanswer, ANSWER_BYTES - connection->nanswer, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		die("recv");
	connection->nanswer += (size_t) n;
	connection->answer[connection->nanswer] = '\0';
	if (!is_answered(connection))
		return;
	if (strncmp(connection->answer, "HTTP/1.1 204", 12) != 0)
	{
		if (nfailed++ == 0)
			fprintf(stderr, "%s\n", connection->answer);
	}
	connection->request = take_request();
	connection->nsent = connection->nanswer = 0;
	pfd->events = POLLOUT;
}

/* Headers, and as much as they announce. */
static bool
is_answered(const Connection *connection)
{
	const char *end = strstr(connection->answer, "\r\n\r\n");
	const char *length = strstr(connection->answer, "Content-Length:");

	if (end == NULL)
		return false;
	if (length == NULL || length > end)
		return true;
	return connection->nanswer >= (size_t) (end + 4 - connection->answer) + strtoul(length + 15, NULL, 10);
}

static double
now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}
