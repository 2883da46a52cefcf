/**
 * Changes users and tokens in the database itself, also while the server runs: the server applies a change within two
 * seconds.
 */
import fs from 'node:fs'
import os from 'node:os'
import { covers, isRole, ROLES, type Role } from '../core/accounts/access.ts'
import { makeToken } from '../core/accounts/api-token.ts'
import { checkNewPassword } from '../core/accounts/password.ts'
import { createPasswordHasher, type PasswordHasher } from '../core/accounts/password-hasher.ts'
import type { ApiToken, User } from '../core/accounts/user.ts'
import { checkNewName, normalName } from '../core/accounts/user-name.ts'
import { Problem } from '../core/problems/problem.ts'
import { Refusal } from '../core/problems/refusal.ts'
import { DURATION, parseDuration } from '../core/time-text.ts'
import { appendEvents } from '../store/accounts/audit-store.ts'
import { createUserReader } from '../store/accounts/user-reader.ts'
import { createUserCommands } from '../store/accounts/user-writer.ts'
import { type Database, type DatabaseLocation, openDepotDatabase } from '../store/engine/database.ts'
import { knownMigrations } from '../store/engine/migrations.ts'
import { createInspectionStore } from '../store/maintenance/inspection-store.ts'

/** Each method throws a Refusal when the change is not possible. */
export interface UserAdmin {
  listUsers(): Promise<User[]>
  /** @param role one of viewer, exporter, operator and admin */
  addUser(name: string, role: string, password: string): Promise<User>
  /** Ends the sessions of the user. */
  setPassword(name: string, password: string): Promise<User>
  setRole(name: string, role: string): Promise<User>
  /** Removes the sessions and tokens of the user too. */
  removeUser(name: string): Promise<void>
  /** @param userName undefined: of all users */
  listTokens(userName: string | undefined): Promise<ApiToken[]>
  addToken(request: TokenRequest): Promise<AddedToken>
  /** @param id as in the list, or the whole token */
  revokeToken(id: string): Promise<void>
}

export interface TokenRequest {
  readonly userName: string
  /** The purpose of the token. */
  readonly name: string
  readonly role: string
  /** Such as `12h`, `90d` or `4w`; undefined: no expiry. */
  readonly expiresIn: string | undefined
}

export interface AddedToken extends ApiToken {
  /** The token itself; it cannot be shown again. */
  readonly text: string
}

const MAX_TOKEN_NAME_LENGTH = 100

/**
 * Opens the database, calls `run`, and closes the database.
 * @throws Refusal when there is no database, when it has another version, or from `run`; DatabaseUnusable
 */
export async function administerUsers<T>(
  location: DatabaseLocation,
  run: (admin: UserAdmin) => Promise<T>,
  hasher: PasswordHasher = createPasswordHasher()
): Promise<T> {
  if (location.databaseUrl === undefined && !fs.existsSync(location.databaseFile)) {
    throw new Refusal(`There is no database at ${location.databaseFile}. The first start of the server creates it.`)
  }
  const db = openDepotDatabase(location)
  try {
    const applied = await createInspectionStore(db).appliedMigrations()
    if (applied.length < knownMigrations().length) {
      throw new Refusal('The database has an older schema. Start the server, or run fixdepot migrate.')
    }
    return await run(createAdmin(db, hasher))
  } catch (error) {
    if (error instanceof Problem) throw new Refusal(error.message, { cause: error })
    throw error
  } finally {
    await db.destroy()
  }
}

function createAdmin(db: Database, hasher: PasswordHasher): UserAdmin {
  const [reader, commands] = [createUserReader(db), createUserCommands(db)]

  /** There is no login: the audit trail records the account of the operating system. */
  async function record<T>(action: string, targets: readonly string[], change: Promise<T>): Promise<T> {
    const result = await change
    await appendEvents(db, [
      {
        time: new Date(),
        user: '',
        credential: 'none',
        address: 'command line',
        requestId: '',
        action,
        targets: [...targets, `account:${os.userInfo().username}`],
        status: 200,
        problem: '',
        count: 1
      }
    ])
    return result
  }

  async function getUser(given: string) {
    const user = await reader.findUser(normalName(given))
    if (user === undefined) throw new Refusal(`There is no user ${given}.`)
    return user
  }

  return {
    listUsers: () => reader.listUsers(),

    async addUser(given, role, password) {
      const name = checkNewName(given)
      const user = { name, role: parseRole(role), createdAt: new Date() }
      checkNewPassword(password)
      if ((await reader.findUser(name)) !== undefined) throw new Refusal(`The user ${name} already exists.`)
      const added = commands.addUser({ ...user, passwordHash: await hasher.hash(password) })
      return record('addUser', [`user:${name}`, `role:${role}`], added)
    },

    async setPassword(given, password) {
      checkNewPassword(password)
      const { name } = await getUser(given)
      const changed = commands.changeUser({ name, passwordHash: await hasher.hash(password), changedAt: new Date() })
      return record('changeUser', [`user:${name}`], changed)
    },

    async setRole(given, role) {
      const name = normalName(given)
      const changed = commands.changeUser({ name, role: parseRole(role), changedAt: new Date() })
      return record('changeUser', [`user:${name}`, `role:${role}`], changed)
    },

    async removeUser(given) {
      const name = normalName(given)
      return record('removeUser', [`user:${name}`], commands.removeUser(name))
    },

    listTokens: async (given) => reader.listTokens(given === undefined ? undefined : (await getUser(given)).name),

    async addToken({ userName: given, name, role: givenRole, expiresIn }) {
      if (name === '' || name.length > MAX_TOKEN_NAME_LENGTH) {
        throw new Refusal(`The name of a token must have 1 to ${MAX_TOKEN_NAME_LENGTH} characters.`)
      }
      const [owner, role] = [await getUser(given), parseRole(givenRole)]
      if (!covers(owner.role, role)) {
        throw new Refusal(`A token of ${owner.name} cannot have the role ${role}: its owner is ${owner.role}.`)
      }
      const { id, text, secretHash } = makeToken()
      const createdAt = new Date()
      const expiresAt = parseExpiry(expiresIn, createdAt)
      const token = { id, userName: owner.name, name, role, createdAt, expiresAt, lastUsedAt: null }
      await record(
        'addToken',
        [`token:${id}`, `user:${owner.name}`, `role:${role}`],
        commands.addToken({ token, secretHash })
      )
      return { ...token, text }
    },

    async revokeToken(given) {
      const [, id = given] = /^fxd_([0-9a-f]{16})_/.exec(given) ?? []
      if (!(await commands.removeToken({ id, userName: undefined }))) throw new Refusal(`There is no token ${id}.`)
      await record('removeToken', [`token:${id}`], Promise.resolve())
    }
  }
}

function parseRole(text: string): Role {
  if (isRole(text)) return text
  throw new Refusal(`There is no role ${text}; the roles are ${ROLES.join(', ')}.`)
}

function parseExpiry(text: string | undefined, from: Date): Date | null {
  if (text === undefined) return null
  if (!DURATION.test(text)) throw new Refusal(`${text} is not a duration such as 12h, 90d or 4w.`)
  return new Date(from.getTime() + parseDuration(text))
}
