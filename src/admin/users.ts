/** Users and tokens as the operator changes them in the database itself, also while the server runs: it knows within two seconds. */
import fs from 'node:fs'
import os from 'node:os'
import { covers, isRole, ROLES, type Role } from '../core/access.ts'
import { makeToken } from '../core/api-token.ts'
import { DURATION, parseDuration } from '../core/duration.ts'
import { checkNewPassword } from '../core/password.ts'
import { createPasswordHasher, type PasswordHasher } from '../core/password-hasher.ts'
import { Problem } from '../core/problem.ts'
import type { ApiToken, User } from '../core/user.ts'
import { checkNewName, normalName } from '../core/user-name.ts'
import { appendEvents } from '../store/audit-store.ts'
import { type DatabasePlace, type Depot, knownMigrations, openDepotDatabase } from '../store/database.ts'
import { createInspectionStore } from '../store/inspection-store.ts'
import { createUserDesk } from '../store/user-desk.ts'
import { createUserReader } from '../store/user-reader.ts'
import { Refusal } from './refusal.ts'

/** Each throws a Refusal with a sentence when it is not done. */
export interface UserAdmin {
  listUsers(): Promise<User[]>
  /** @param role one of viewer, exporter, operator and admin */
  addUser(name: string, role: string, password: string): Promise<User>
  /** Ends the sessions of the user. */
  setPassword(name: string, password: string): Promise<User>
  setRole(name: string, role: string): Promise<User>
  /** With sessions and tokens. */
  removeUser(name: string): Promise<void>
  /** By owner. @param userName undefined: of all users */
  listTokens(userName: string | undefined): Promise<ApiToken[]>
  addToken(request: TokenRequest): Promise<AddedToken>
  /** @param id the one in the list, or the whole token */
  revokeToken(id: string): Promise<void>
}

export interface TokenRequest {
  readonly userName: string
  /** What it is for. */
  readonly name: string
  readonly role: string
  /** Such as `12h`, `90d` or `4w`; undefined: it does not end. */
  readonly expiresIn: string | undefined
}

export interface AddedToken extends ApiToken {
  /** Nobody can see it again. */
  readonly text: string
}

const MAX_TOKEN_NAME_LENGTH = 100

/**
 * Opens the database, does the work, and closes it.
 * @throws Refusal when there is no database or it is of another version, or when the work refuses; DatabaseUnusable
 */
export async function administerUsers<T>(
  place: DatabasePlace,
  work: (admin: UserAdmin) => Promise<T>,
  hasher: PasswordHasher = createPasswordHasher()
): Promise<T> {
  if (place.databaseUrl === undefined && !fs.existsSync(place.databaseFile)) {
    throw new Refusal(`There is no database at ${place.databaseFile}. The first start of the server makes it.`)
  }
  const db = openDepotDatabase(place)
  try {
    const applied = await createInspectionStore(db).appliedMigrations()
    if (applied.length < knownMigrations().length) {
      throw new Refusal('The database has an older schema. Start the server, or run fixdepot migrate.')
    }
    return await work(createAdmin(db, hasher))
  } catch (error) {
    if (error instanceof Problem) throw new Refusal(error.message, { cause: error })
    throw error
  } finally {
    await db.destroy()
  }
}

function createAdmin(db: Depot, hasher: PasswordHasher): UserAdmin {
  const [reader, desk] = [createUserReader(db), createUserDesk(db)]

  /** Nobody has logged in for it; the audit trail has the account of the operating system. */
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
      if ((await reader.findUser(name)) !== undefined) throw new Refusal(`There is a user ${name} already.`)
      const added = desk.addUser({ ...user, passwordHash: await hasher.hash(password) })
      return record('addUser', [`user:${name}`, `role:${role}`], added)
    },

    async setPassword(given, password) {
      checkNewPassword(password)
      const { name } = await getUser(given)
      const changed = desk.changeUser({ name, passwordHash: await hasher.hash(password), changedAt: new Date() })
      return record('changeUser', [`user:${name}`], changed)
    },

    async setRole(given, role) {
      const name = normalName(given)
      const changed = desk.changeUser({ name, role: parseRole(role), changedAt: new Date() })
      return record('changeUser', [`user:${name}`, `role:${role}`], changed)
    },

    async removeUser(given) {
      const name = normalName(given)
      return record('removeUser', [`user:${name}`], desk.removeUser(name))
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
        desk.addToken({ token, secretHash })
      )
      return { ...token, text }
    },

    async revokeToken(given) {
      const [, id = given] = /^fxd_([0-9a-f]{16})_/.exec(given) ?? []
      if (!(await desk.removeToken({ id, userName: undefined }))) throw new Refusal(`There is no token ${id}.`)
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
  if (!DURATION.test(text)) throw new Refusal(`${text} is no time such as 12h, 90d or 4w.`)
  return new Date(from.getTime() + parseDuration(text))
}
