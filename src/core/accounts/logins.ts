/**
 * Authenticates requests: by name and password, by a token, or by a remembered login.
 */
import { type Identity, lowerRole } from './access.ts'
import { isSecretOf, parseToken } from './api-token.ts'
import { createCredentialMemory } from './credential-memory.ts'
import type { LoginGuard } from './login-guard.ts'
import type { PasswordHasher } from './password-hasher.ts'
import type { KeptToken, KeptUser, UserCommands, UserReader } from './user.ts'
import { normalName } from './user-name.ts'

export interface Logins {
  /**
   * Undefined when they are wrong, whatever of them it is.
   * @param address where the request comes from
   * @throws Problem LOGIN_TOO_OFTEN, LOGINS_BUSY
   */
  withPassword(userName: string, password: string, address: string): Promise<Identity | undefined>
  /** Undefined for a token that is none, or has expired. */
  withToken(text: string): Promise<Identity | undefined>
  /** Who has the session of this user. Undefined when the user is not there any more. */
  withSession(userName: string): Promise<Identity | undefined>
  /** The same login as it counts now; undefined when it counts no more. Whether a session has ended, sessions tell. */
  renew(identity: Identity): Promise<Identity | undefined>
}

export interface LoginsOptions {
  /** May remember for a moment. */
  readonly users: UserReader
  /** Asked before a password is checked. */
  readonly freshUsers: Pick<UserReader, 'findUser'>
  readonly commands: Pick<UserCommands, 'rehashPassword' | 'recordTokenUse'>
  readonly hasher: PasswordHasher
  readonly guard: LoginGuard
  readonly now: () => Date
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number
}

/** The least time between two recorded uses of a token. */
const RECORD_INTERVAL_MS = 60_000

/** No password is longer, and a hash of a longer text would cost time. Such a login counts as failed. */
const MAX_GIVEN_LENGTH = 1_024

export function createLogins({ users, freshUsers, commands, hasher, guard, now, clock }: LoginsOptions): Logins {
  const memory = createCredentialMemory(clock)
  /** Checks in progress: a program with many connections starts one check, and not one per connection. */
  const checks = new Map<string, Promise<KeptUser | undefined>>()
  /** When the use of tokens was last written down. */
  const recorded = new Map<string, number>()

  async function check(userName: string, password: string, address: string): Promise<KeptUser | undefined> {
    await guard.refresh(userName, address)
    const attempt = guard.admit(userName, address)
    try {
      const user = await freshUsers.findUser(userName)
      const given = password.length > MAX_GIVEN_LENGTH ? '' : password
      const { isRight, isOutdated } = await hasher.verify(given, user?.passwordHash)
      if (user === undefined || !isRight) {
        await attempt.failed()
        return undefined
      }
      await attempt.succeeded()
      if (isOutdated) await rehash(user, password)
      return user
    } catch (error) {
      attempt.withdraw()
      throw error
    }
  }

  /** The login counts, whether or not this succeeds. */
  async function rehash({ id: userId, version }: KeptUser, password: string): Promise<void> {
    try {
      await commands.rehashPassword({ userId, version, hash: await hasher.hash(password) })
    } catch {}
  }

  function checkOnce(digest: string, userName: string, password: string, address: string) {
    const key = `${digest} ${address}`
    const going = checks.get(key)
    if (going !== undefined) return going
    const started = check(userName, password, address).finally(() => checks.delete(key))
    checks.set(key, started)
    return started
  }

  function recordUse({ token }: KeptToken): void {
    const time = now()
    const last = Math.max(recorded.get(token.id) ?? 0, token.lastUsedAt?.getTime() ?? 0)
    if (time.getTime() - last < RECORD_INTERVAL_MS) return
    recorded.set(token.id, time.getTime())
    // The request does not wait for the write, and does not fail with it.
    commands.recordTokenUse({ id: token.id, usedAt: time }).catch(() => {})
  }

  async function findToken(id: string): Promise<KeptToken | undefined> {
    const found = await users.findToken(id)
    const { expiresAt = null } = found?.token ?? {}
    if (expiresAt !== null && expiresAt.getTime() <= now().getTime()) return undefined
    return found
  }

  return {
    async withPassword(userName, password, address) {
      const name = normalName(userName)
      const digest = memory.digestOf(name, password)
      const known = await users.findUser(name)
      if (known !== undefined && memory.knows(digest, known)) return identityOf(known, 'password')
      const user = await checkOnce(digest, name, password, address)
      if (user === undefined) return undefined
      memory.remember(digest, user)
      return identityOf(user, 'password')
    },

    async withToken(text) {
      const { id, secret } = parseToken(text) ?? { id: '', secret: '' }
      const found = id === '' ? undefined : await findToken(id)
      if (found === undefined || !isSecretOf(secret, found.secretHash)) return undefined
      recordUse(found)
      return identityOfToken(found)
    },

    async withSession(userName) {
      const user = await users.findUser(userName)
      return user && identityOf(user, 'session')
    },

    async renew({ kind, name, tokenId, userId, userVersion }) {
      if (tokenId !== null) {
        const found = await findToken(tokenId)
        return found && identityOfToken(found)
      }
      const user = await users.findUser(name)
      return user?.id === userId && user.version === userVersion ? identityOf(user, kind) : undefined
    }
  }
}

function identityOf({ id, version, name, role }: KeptUser, kind: Identity['kind']): Identity {
  return { name, role, kind, userId: id, userVersion: version, tokenId: null }
}

/** A user who loses rights loses those of the tokens too. */
function identityOfToken({ token, owner }: KeptToken): Identity {
  return { ...identityOf(owner, 'token'), role: lowerRole(token.role, owner.role), tokenId: token.id }
}
