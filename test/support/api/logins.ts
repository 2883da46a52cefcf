/** Logins for tests: real ones whose hashes cost nothing, and one that only knows one user. */
import type { Identity, Role } from '../../../src/core/accounts/access.ts'
import { rememberUsers } from '../../../src/core/accounts/known-users.ts'
import { createLoginGuard } from '../../../src/core/accounts/login-guard.ts'
import { createLogins, type Logins } from '../../../src/core/accounts/logins.ts'
import { createPasswordHasher } from '../../../src/core/accounts/password-hasher.ts'
import type { UserCommands } from '../../../src/core/accounts/user.ts'
import type { Services } from '../../../src/http/services.ts'
import { createUserReader, listLoginFailures } from '../../../src/store/accounts/user-reader.ts'
import { createUserCommands } from '../../../src/store/accounts/user-writer.ts'
import type { Database } from '../../../src/store/engine/database.ts'

/** As little work as argon2 allows. */
export const CHEAP = { memory: 8, passes: 1 }

export interface AccessServices extends Pick<Services, 'logins' | 'users' | 'hasher'> {
  readonly userCommands: UserCommands
}

/** Who the first user of a database is when a password has shown it. */
export function identityOf(name: string, role: Role = 'admin'): Identity {
  return { name, role, kind: 'password', userId: 1, userVersion: 1, tokenId: null }
}

/** Without a database: one user, an administrator. */
export function loginsOf(userName: string, password: string): Logins {
  const identity = identityOf(userName)
  const isUser = (name: string) => name === userName
  return {
    withPassword: async (name, given) => (isUser(name) && given === password ? identity : undefined),
    withToken: async () => undefined,
    withSession: async (name) => (isUser(name) ? { ...identity, kind: 'session' } : undefined),
    renew: async (known) => known
  }
}

/** The real thing over a database, in this thread. */
export async function makeLogins(db: Database, now: () => Date = () => new Date()): Promise<AccessServices> {
  const users = createUserReader(db)
  const clock = () => now().getTime()
  const known = rememberUsers(users, clock)
  const userCommands = afterEach(createUserCommands(db), known.forget)
  const hasher = createPasswordHasher(CHEAP)
  const guard = createLoginGuard({ failures: await listLoginFailures(db), commands: userCommands, now })
  const logins = createLogins({
    users: known.reader,
    freshUsers: users,
    commands: userCommands,
    hasher,
    guard,
    now,
    clock
  })
  return { logins, users, userCommands, hasher }
}

/** The same methods; each calls `done` before it settles, as the command thread notifies before it answers. */
function afterEach<Methods extends object>(methods: Methods, done: () => void): Methods {
  return new Proxy(methods, {
    get(target, name) {
      const method = Reflect.get(target, name) as (argument: unknown) => Promise<unknown>
      return (argument: unknown) => method(argument).finally(done)
    }
  })
}

/** Adds a user with this password. */
export async function addUser(
  { userCommands, hasher }: Pick<AccessServices, 'userCommands' | 'hasher'>,
  name: string,
  role: Role,
  password: string
): Promise<void> {
  await userCommands.addUser({ name, role, passwordHash: await hasher.hash(password), createdAt: new Date() })
}
