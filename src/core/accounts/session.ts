/** Sessions: a login that a client keeps as a cookie, until it logs out or does not use it for a time. */
import { createHmac, hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Identity } from './access.ts'

export interface Session {
  /** Public: it identifies, and gives no rights. */
  readonly id: string
  readonly userName: string
  /** Where the login came from. */
  readonly address: string
  readonly createdAt: Date
  readonly lastUsedAt: Date
}

/** A session as it is kept. */
export interface KeptSession extends Session {
  /** See `hashSecret`. */
  readonly secretHash: string
}

/** What its owner alone gets at the login. */
export interface OwnedSession {
  readonly session: Session
  /** Value of the cookie: id and secret. */
  readonly token: string
  /** What requests that change something have to repeat in a header. */
  readonly csrf: string
}

export interface SessionReader {
  findSession(id: string): Promise<KeptSession | undefined>
  /** All that are kept, the oldest first; some may have expired. */
  listSessions(): Promise<Session[]>
}

export interface SessionOpening {
  readonly session: KeptSession
  /** Whose login was checked. */
  readonly identity: Pick<Identity, 'userId' | 'userVersion'>
  readonly expiredBefore: Date
}

export interface SessionUse {
  readonly id: string
  readonly usedAt: Date
}

/** Writes sessions. What it promises is on the disk. */
export interface SessionCommands {
  /**
   * Keeps a new session, and forgets those not used since `expiredBefore`. When there are too many, the one that was
   * not used for the longest time ends: clients that never log out do not displace others.
   * @throws Problem LOGIN_REFUSED when the user or the password has been changed since the login was checked
   */
  openSession(opening: SessionOpening): Promise<void>
  /** False when there was no such session. */
  endSession(id: string): Promise<boolean>
  recordUse(use: SessionUse): Promise<void>
}

/** What the routes need of sessions. */
export interface Sessions {
  /** How long a session lasts without use. */
  readonly timeoutMs: number
  /** @throws Problem LOGIN_REFUSED */
  open(identity: Pick<Identity, 'name' | 'userId' | 'userVersion'>, address: string): Promise<OwnedSession>
  /**
   * The session of a token, if there is one that has not ended.
   * @param isUse whether the request keeps the session from ending
   */
  find(token: string, isUse: boolean): Promise<OwnedSession | undefined>
  list(): Promise<Session[]>
  /** Undefined when there is none, whether or not it has expired. @param id or the token */
  get(id: string): Promise<Session | undefined>
  /** False when there was no such session. @param id or the token */
  end(id: string): Promise<boolean>
}

export interface SessionsOptions {
  readonly reader: SessionReader
  readonly commands: SessionCommands
  readonly timeoutMs: number
  readonly now: () => Date
}

/** The least time between two recorded uses: polling costs no writes. */
const RECORD_INTERVAL_MS = 60_000

const SECRET_BYTES = 32

export function createSessions({ reader, commands, timeoutMs, now }: SessionsOptions): Sessions {
  /** When sessions were used, where that is not written down yet. */
  const uses = new Map<string, number>()
  /** Sessions whose use is being written down: polls meanwhile add no writes. */
  const recording = new Set<string>()
  const lastUse = (session: Session) => new Date(Math.max(session.lastUsedAt.getTime(), uses.get(session.id) ?? 0))
  const isLive = (session: Session) => lastUse(session).getTime() > now().getTime() - timeoutMs

  async function use(session: Session): Promise<Session> {
    const usedAt = now()
    uses.set(session.id, usedAt.getTime())
    const isDue = usedAt.getTime() - session.lastUsedAt.getTime() >= Math.min(RECORD_INTERVAL_MS, timeoutMs / 4)
    if (isDue && !recording.has(session.id)) {
      recording.add(session.id)
      // The request does not wait for the write, and does not fail with it: the next request tries again.
      const recorded = commands.recordUse({ id: session.id, usedAt })
      recorded.catch(() => {}).finally(() => recording.delete(session.id))
    }
    return { ...session, lastUsedAt: usedAt }
  }

  /** Uses of sessions that expired without a logout. */
  function forgetExpired(time: Date): void {
    for (const [id, usedAt] of uses) if (usedAt <= time.getTime() - timeoutMs) uses.delete(id)
  }

  return {
    timeoutMs,

    async open(identity, address) {
      const time = now()
      forgetExpired(time)
      const secret = randomBytes(SECRET_BYTES).toString('base64url')
      const session: Session = { id: randomUUID(), userName: identity.name, address, createdAt: time, lastUsedAt: time }
      await commands.openSession({
        session: { ...session, secretHash: hashSecret(secret) },
        identity,
        expiredBefore: new Date(time.getTime() - timeoutMs)
      })
      return owned(session, secret)
    },

    async find(token, isUse) {
      const { id, secret } = parseToken(token)
      const kept = id === '' ? undefined : await reader.findSession(id)
      if (kept === undefined || !isEqual(kept.secretHash, hashSecret(secret)) || !isLive(kept)) return undefined
      const { secretHash: _, ...session } = kept
      return owned(isUse ? await use(session) : session, secret)
    },

    async list() {
      const sessions = await reader.listSessions()
      return sessions.filter(isLive).map((session) => ({ ...session, lastUsedAt: lastUse(session) }))
    },

    get: (idOrToken) => reader.findSession(idOf(idOrToken)),

    async end(idOrToken) {
      const id = idOf(idOrToken)
      uses.delete(id)
      return commands.endSession(id)
    }
  }
}

function owned(session: Session, secret: string): OwnedSession {
  // Derived, so that it need not be kept; the secret cannot be computed from it.
  const csrf = createHmac('sha256', secret).update('csrf').digest('base64url')
  return { session, token: `${session.id}.${secret}`, csrf }
}

function idOf(idOrToken: string): string {
  return parseToken(idOrToken).id || idOrToken
}

function parseToken(token: string): { id: string; secret: string } {
  const dot = token.indexOf('.')
  return dot < 0 ? { id: '', secret: '' } : { id: token.slice(0, dot), secret: token.slice(dot + 1) }
}

/** What is kept of a secret. It is as random as a key: a slow hash would protect nothing. */
function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

function isEqual(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right))
}

/**
 * Whether two values that a caller and a session give are the same, without telling by the time how much of them is.
 */
export function isSameSecret(given: string, expected: string): boolean {
  return isEqual(hashSecret(given), hashSecret(expected))
}
