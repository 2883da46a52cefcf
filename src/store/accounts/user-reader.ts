/** Reads users, tokens and failed logins. */
import type { Selectable } from 'kysely'
import type { Role } from '../../core/accounts/access.ts'
import type { ApiToken, KeptUser, LoginFailure, UserReader } from '../../core/accounts/user.ts'
import type { Database } from '../engine/database.ts'
import type { LoginFailureTable } from '../engine/schema.ts'

export function createUserReader(db: Database): UserReader {
  const tokens = () =>
    db
      .selectFrom('token')
      .innerJoin('user', 'user.id', 'token.user_id')
      .select(['token.id', 'token.name', 'token.role', 'user.name as user_name', 'token.secret_hash'])
      .select(['token.created_at', 'token.expires_at', 'token.last_used_at'])
  const users = () =>
    db
      .selectFrom('user')
      .select(['id', 'name', 'role', 'password_hash', 'version', 'created_at', 'password_changed_at'])

  async function findUser(name: string): Promise<KeptUser | undefined> {
    const row = await users().where('name', '=', name).executeTakeFirst()
    return row && toUser(row)
  }

  return {
    findUser,

    async listUsers() {
      const rows = await users().orderBy('name').execute()
      return rows.map((row) => {
        const { name, role, createdAt, passwordChangedAt } = toUser(row)
        return { name, role, createdAt, passwordChangedAt }
      })
    },

    async findToken(id) {
      const row = await tokens().where('token.id', '=', id).executeTakeFirst()
      const owner = row && (await findUser(row.user_name))
      return owner && { token: toToken(row), secretHash: row.secret_hash, owner }
    },

    async listTokens(userName) {
      const all = tokens().orderBy('user.name').orderBy('token.created_at').orderBy('token.id')
      const rows = await (userName === undefined ? all : all.where('user.name', '=', userName)).execute()
      return rows.map(toToken)
    }
  }
}

/** The failed logins that former processes have recorded, oldest first. */
export async function listLoginFailures(db: Database): Promise<LoginFailure[]> {
  return (await db.selectFrom('login_failure').selectAll().orderBy('failed_at').execute()).map(toLoginFailure)
}

/** The failed logins of these keys, as recorded by any server. */
export async function findLoginFailures(db: Database, keys: readonly string[]): Promise<LoginFailure[]> {
  return (await db.selectFrom('login_failure').selectAll().where('key', 'in', keys).execute()).map(toLoginFailure)
}

function toLoginFailure({ key, failures, failed_at }: Selectable<LoginFailureTable>): LoginFailure {
  return { key, failures, failedAt: new Date(failed_at) }
}

interface UserRow {
  readonly id: number
  readonly name: string
  readonly role: string
  readonly password_hash: string
  readonly version: number
  readonly created_at: number
  readonly password_changed_at: number
}

export function toUser(row: UserRow): KeptUser {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    passwordHash: row.password_hash,
    version: row.version,
    createdAt: new Date(row.created_at),
    passwordChangedAt: new Date(row.password_changed_at)
  }
}

interface TokenRow {
  readonly id: string
  readonly user_name: string
  readonly name: string
  readonly role: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly last_used_at: number | null
}

function toToken(row: TokenRow): ApiToken {
  const toDate = (milliseconds: number | null) => (milliseconds === null ? null : new Date(milliseconds))
  return {
    id: row.id,
    userName: row.user_name,
    name: row.name,
    role: row.role as Role,
    createdAt: new Date(row.created_at),
    expiresAt: toDate(row.expires_at),
    lastUsedAt: toDate(row.last_used_at)
  }
}
