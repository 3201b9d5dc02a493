/*-------------------------------------------------------------------------
 *
 * auth.c
 *	  Who sends a request: a role of PostgreSQL, by its password.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "libpq/crypt.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "server/auth.h"
#include "server/settings.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define MAX_REMEMBERED 1024
#define REMEMBER_MS 10000 /* VALID UNTIL may pass meanwhile */
#define MAX_CREDENTIALS 1024 /* bytes of a header */

/* A check that succeeded.  The password is not kept, only a digest with a key of this process. */
typedef struct Remembered
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH]; /* hash key */
	Oid role;
	TimestampTz at;
} Remembered;

static HTAB *remembered = NULL;
static uint8 digest_key[PG_SHA256_DIGEST_LENGTH];

static void make_remembered(void);
static void forget_all(Datum arg, int cache_id, uint32 hash_value);
static TsdbAuthResult read_header(const char *authorization, char **user, char **password);
static bool digest_credentials(const char *user, const char *password, uint8 *digest);
static TsdbAuthResult check_password(const char *user, const char *password, Oid *role);
static Oid login_role(const char *name);

TsdbAuthResult
tsdb_auth_check(const char *authorization, const char *user, const char *password, Oid *role)
{
	char *name = unconstify(char *, user);
	char *secret = unconstify(char *, password != NULL ? password : "");
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	Remembered *entry;
	TsdbAuthResult result;

	*role = InvalidOid;
	if (authorization != NULL)
	{
		result = read_header(authorization, &name, &secret);
		if (result != TSDB_AUTH_OK)
			return result;
	}
	if (name == NULL)
	{
		*role = tsdb_auth_anonymous();
		return OidIsValid(*role) ? TSDB_AUTH_OK : TSDB_AUTH_NONE;
	}

	/* Take in what others have changed, before looking. */
	AcceptInvalidationMessages();
	if (!digest_credentials(name, secret, digest))
		return TSDB_AUTH_FAILED;
	entry = hash_search(remembered, digest, HASH_FIND, NULL);
	if (entry != NULL && !TimestampDifferenceExceeds(entry->at, GetCurrentTimestamp(), REMEMBER_MS))
	{
		*role = entry->role;
		return TSDB_AUTH_OK;
	}
	result = check_password(name, secret, role);
	if (result != TSDB_AUTH_OK)
		return result;
	if (hash_get_num_entries(remembered) >= MAX_REMEMBERED)
		forget_all((Datum) 0, 0, 0);
	entry = hash_search(remembered, digest, HASH_ENTER, NULL);
	entry->role = *role;
	entry->at = GetCurrentTimestamp();
	return TSDB_AUTH_OK;
}

Oid
tsdb_auth_anonymous(void)
{
	return tsdb_anonymous_role[0] == '\0' ? InvalidOid : login_role(tsdb_anonymous_role);
}

void
tsdb_auth_init(void)
{
	if (!pg_strong_random(digest_key, sizeof(digest_key)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes"),
				 errdetail("The line protocol server needs a key for its memory of passwords."),
				 errhint("Look at the operating system's source of random numbers.")));
	make_remembered();
	CacheRegisterSyscacheCallback(AUTHOID, forget_all, (Datum) 0);
	CacheRegisterSyscacheCallback(DATABASEOID, forget_all, (Datum) 0);
}

// private functions

static void
make_remembered(void)
{
	HASHCTL control = {0};

	control.keysize = PG_SHA256_DIGEST_LENGTH;
	control.entrysize = sizeof(Remembered);
	control.hcxt = TopMemoryContext;
	remembered = hash_create("tsdb passwords", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
forget_all(Datum arg, int cache_id, uint32 hash_value)
{
	HASH_SEQ_STATUS status;
	Remembered *entry;

	hash_seq_init(&status, remembered);
	while ((entry = hash_seq_search(&status)) != NULL)
		hash_search(remembered, entry->digest, HASH_REMOVE, NULL);
}

/* Basic base64(user:password), Token user:password. */
static TsdbAuthResult
read_header(const char *authorization, char **user, char **password)
{
	char *credentials;
	char *colon;

	if (strlen(authorization) > MAX_CREDENTIALS)
		return TSDB_AUTH_UNREADABLE;
	if (pg_strncasecmp(authorization, "Token ", 6) == 0)
		credentials = pstrdup(authorization + 6);
	else if (pg_strncasecmp(authorization, "Basic ", 6) == 0)
	{
		const char *coded = authorization + 6;
		int room = pg_b64_dec_len(strlen(coded));
		int nbytes;

		credentials = palloc(room + 1);
		nbytes = pg_b64_decode(coded, strlen(coded), (void *) credentials, room);
		if (nbytes < 0 || memchr(credentials, '\0', nbytes) != NULL)
			return TSDB_AUTH_UNREADABLE;
		credentials[nbytes] = '\0';
	}
	else
		return TSDB_AUTH_UNREADABLE;
	colon = strchr(credentials, ':');
	if (colon == NULL || colon == credentials)
		return TSDB_AUTH_UNREADABLE;
	*colon = '\0';
	*user = credentials;
	*password = colon + 1;
	return TSDB_AUTH_OK;
}

static bool
digest_credentials(const char *user, const char *password, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool ok = context != NULL && pg_cryptohash_init(context) >= 0 &&
			  pg_cryptohash_update(context, digest_key, sizeof(digest_key)) >= 0 &&
			  pg_cryptohash_update(context, (const uint8 *) user, strlen(user) + 1) >= 0 &&
			  pg_cryptohash_update(context, (const uint8 *) password, strlen(password)) >= 0 &&
			  pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) >= 0;

	if (context != NULL)
		pg_cryptohash_free(context);
	return ok;
}

static TsdbAuthResult
check_password(const char *user, const char *password, Oid *role)
{
	const char *detail = NULL;
	char *verifier = get_role_password(user, &detail);

	if (verifier == NULL || plain_crypt_verify(user, verifier, password, &detail) != STATUS_OK)
		return TSDB_AUTH_FAILED;
	*role = login_role(user);
	return OidIsValid(*role) ? TSDB_AUTH_OK : TSDB_AUTH_FAILED;
}

/* A role that may log in to this database. */
static Oid
login_role(const char *name)
{
	HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(name));
	Oid role = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin)
		role = ((Form_pg_authid) GETSTRUCT(tuple))->oid;
	ReleaseSysCache(tuple);
	if (OidIsValid(role) && object_aclcheck(DatabaseRelationId, MyDatabaseId, role, ACL_CONNECT) != ACLCHECK_OK)
		return InvalidOid;
	return role;
}
