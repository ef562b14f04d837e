"""The one way to PostgreSQL: bounded in time, never trusting a lost connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString, TypeAlias

import asyncpg

from shared.errors import DatabaseContended, DatabaseUnavailable
from shared.postgres.limits import Limits
from shared.postgres.pooling import Pooling
from shared.postgres.refusals import reason_of
from shared.runtime.logging import get_log

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_CONNECT_SECONDS = 2.0
_TURN_SECONDS = 2.0
_REFUSED = "unsupported startup parameter"

_UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,  # the machine below it fails, as its disk does
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.TargetServerAttributeNotMatched,  # of several servers none is the primary, for now
    asyncpg.InternalClientError,  # the server has said farewell between two statements
)
_CONTENDED = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # a migration has changed the table: prepared anew next
)

_ROLLED_BACK = (asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientResourcesError)
"""With these the server has answered, and rolled back."""

log = get_log()


def is_refused_for_good(error: BaseException) -> bool:
    """Whether a pooler refuses what a session begins with; it refuses that always.

    PgBouncer has one SQLSTATE, 08P01, for this and for its outages.
    """
    return isinstance(error, asyncpg.ProtocolViolationError) and _REFUSED in str(error)


class _Turns(asyncio.Semaphore):
    """A turn for each connection, in the order of coming: the pool itself knows no order."""

    def __init__(self, connections: int, *, within: float) -> None:
        super().__init__(connections)
        self._within = within
        self.waiting = 0

    async def __aenter__(self) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(self._within if self.locked() else None):
                await self.acquire()
        except TimeoutError as error:
            raise DatabaseContended("every connection of the pool is in use") from error
        finally:
            self.waiting -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """How many connections a pool has, of at most so many, and how many callers wait for one."""

    in_use: int
    idle: int
    most: int
    waiting: int


class Database:
    """A pool whose statements end within `patience` seconds, whatever the server does.

    `is_reachable` says whether the last use of it was answered.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        patience: float,
        pooling: Pooling = Pooling.NONE,
    ) -> None:
        self._pool = pool
        self.patience = patience
        self.pooling = pooling
        self.is_reachable = True
        self._turns = _Turns(pool.get_max_size(), within=min(_TURN_SECONDS, patience / 2))

    @property
    def pool_use(self) -> PoolUse:
        """How the pool is used at this moment."""
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return PoolUse(
            in_use=size - idle,
            idle=idle,
            most=self._pool.get_max_size(),
            waiting=self._turns.waiting,
        )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for a statement or a short transaction.

        On any exception, cancellation included, the connection is terminated before it goes back:
        a frozen server never answers asyncpg's own cancel request.

        Raises:
            DatabaseUnavailable: no answer in time; what was sent may have taken effect.
        """
        lent: Connection | None = None
        try:
            async with asyncio.timeout(self.patience), self._turns:
                lent = await self._pool.acquire()
                try:
                    yield lent
                except BaseException as error:
                    if _ended(lent) and isinstance(error, asyncpg.InterfaceError):
                        raise ConnectionResetError("the connection was lost") from error
                    raise
                finally:
                    await self._pool.release(lent)
        except _CONTENDED as error:
            raise DatabaseContended(f"{type(error).__name__}: {error}") from error
        except TimeoutError as error:
            lost = self._lost(f"no answer within {self.patience:g} s")
            lost.is_without_effect = lent is None
            raise lost from error
        except _UNREACHABLE as error:
            if is_refused_for_good(error):
                raise
            lost = self._lost(reason_of(error))
            lost.is_without_effect = lent is None or isinstance(error, _ROLLED_BACK)
            raise lost from error
        self._note_reached()

    def _lost(self, reason: str) -> DatabaseUnavailable:
        if self.is_reachable:
            log.warning("database_lost", reason=reason)
        self.is_reachable = False
        return DatabaseUnavailable(reason)

    def _note_reached(self) -> None:
        if not self.is_reachable:
            log.info("database_reached")
        self.is_reachable = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction at READ COMMITTED, whatever the server's default.

        An exception ends the connection, and the transaction with it: a ROLLBACK would wait for a
        server that does not answer.
        """
        async with self.connection() as connection:
            transaction = connection.transaction(isolation="read_committed")
            await transaction.start()
            yield connection
            await transaction.commit()

    async def fetch(self, statement: LiteralString, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement and return its rows."""
        async with self.connection() as connection:
            return await connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: LiteralString, *arguments: object) -> asyncpg.Record | None:
        """Run one statement and return its first row."""
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def execute(self, statement: LiteralString, *arguments: object) -> None:
        """Run one statement for its effect."""
        async with self.connection() as connection:
            await connection.execute(statement, *arguments)


@asynccontextmanager
async def connect(
    url: str,
    *,
    patience: float,
    pool_size: int,
    application_name: str,
    pooling: Pooling = Pooling.NONE,
    password: Callable[[], str] | None = None,
) -> AsyncIterator[Database]:
    """Open the pool; connections are made when first needed, so the server may be down.

    The server-side limits derive from `patience` (seconds): a session whose client has given up
    is ended by the server too, and holds no lock for longer. A pooler takes none of them from us:
    behind one they are the role's, and `wait_for_schema` checks them. `password` is asked for each
    new connection.
    """
    told = {"application_name": application_name, "timezone": "UTC"}
    if pooling is Pooling.NONE:
        told |= {"jit": "off", **Limits.within(patience).settings()}
    pool = asyncpg.create_pool(
        url,
        password=password,
        min_size=0,
        max_size=pool_size,
        timeout=_CONNECT_SECONDS,
        reset=_keep_session,
        server_settings=told,
        statement_cache_size=pooling.statement_cache_size,
    )
    await pool
    try:
        yield Database(pool, patience=patience, pooling=pooling)
    finally:
        pool.terminate()


def _ended(lent: Connection) -> bool:
    """Terminate a connection and tell whether it was lost already."""
    try:
        was_closed = lent.is_closed()
        lent.terminate()
    except asyncpg.InterfaceError:  # a lost connection has left its holder by itself
        return True
    return was_closed


async def _keep_session(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Spare the round trip of RESET ALL: no statement of ours changes its session."""
