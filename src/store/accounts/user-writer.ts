/** Writes users, tokens and failed logins. */
import type { Kysely } from 'kysely'
import { MAX_FAILURES_KEPT } from '../../core/accounts/failed-logins.ts'
import {
  type KeptUser,
  MAX_TOKENS_PER_USER,
  MAX_USERS,
  type User,
  type UserCommands
} from '../../core/accounts/user.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { Database } from '../engine/database.ts'
import { NO_LIMIT } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'
import { durableTransaction, writeTransaction } from '../engine/transactions.ts'
import { toUser } from './user-reader.ts'

export function createUserCommands(db: Database): UserCommands {
  return {
    addUser: ({ name, role, passwordHash, createdAt }) =>
      durableTransaction(db, async (trx) => {
        if ((await countRows(trx, 'user')) >= MAX_USERS) {
          throw new Problem('TOO_MANY_KEPT', `There are ${MAX_USERS} users, which is the maximum. Remove a user first.`)
        }
        const time = createdAt.getTime()
        const added = await trx
          .insertInto('user')
          .values({ name, role, password_hash: passwordHash, created_at: time, password_changed_at: time })
          .onConflict((conflict) => conflict.doNothing())
          .returningAll()
          .executeTakeFirst()
        if (added === undefined) throw new Problem('USER_EXISTS', `There is a user ${name} already.`)
        return withoutSecrets(toUser(added))
      }),

    changeUser: ({ name, role, passwordHash, changedAt }) =>
      durableTransaction(db, async (trx) => {
        const { id, role: former } = await getUser(trx, name)
        if (role !== undefined && role !== 'admin' && former === 'admin') await requireOtherAdministrator(trx, name)
        if (role !== undefined) await trx.updateTable('user').set({ role }).where('id', '=', id).execute()
        if (passwordHash !== undefined) {
          await trx
            .updateTable('user')
            .set((eb) => ({
              password_hash: passwordHash,
              password_changed_at: changedAt.getTime(),
              version: eb('version', '+', 1)
            }))
            .where('id', '=', id)
            .execute()
          await trx.deleteFrom('session').where('user_id', '=', id).execute()
        }
        return withoutSecrets(await getUser(trx, name))
      }),

    removeUser: (name) =>
      durableTransaction(db, async (trx) => {
        const { id, role } = await getUser(trx, name)
        if (role === 'admin') await requireOtherAdministrator(trx, name)
        await trx.deleteFrom('user').where('id', '=', id).execute()
      }),

    rehashPassword: ({ userId, version, hash }) =>
      durableTransaction(db, async (trx) => {
        await trx
          .updateTable('user')
          .set({ password_hash: hash })
          .where('id', '=', userId)
          .where('version', '=', version)
          .execute()
      }),

    addToken: ({ token, secretHash }) =>
      durableTransaction(db, async (trx) => {
        const { id: userId } = await getUser(trx, token.userName)
        const { count } = await trx
          .selectFrom('token')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('user_id', '=', userId)
          .executeTakeFirstOrThrow()
        if (count >= MAX_TOKENS_PER_USER) {
          const text = `The user ${token.userName} has ${count} tokens, which is the maximum. Remove a token first.`
          throw new Problem('TOO_MANY_KEPT', text)
        }
        await trx
          .insertInto('token')
          .values({
            id: token.id,
            user_id: userId,
            name: token.name,
            role: token.role,
            secret_hash: secretHash,
            created_at: token.createdAt.getTime(),
            expires_at: token.expiresAt?.getTime() ?? null,
            last_used_at: null
          })
          .execute()
      }),

    removeToken: ({ id, userName }) =>
      durableTransaction(db, async (trx) => {
        const all = trx.deleteFrom('token').where('id', '=', id)
        const owner = trx
          .selectFrom('user')
          .select('id')
          .where('name', '=', userName ?? '')
        const { numDeletedRows } = await (userName === undefined
          ? all
          : all.where('user_id', 'in', owner)
        ).executeTakeFirstOrThrow()
        return numDeletedRows > 0n
      }),

    async recordTokenUse({ id, usedAt }) {
      await db.updateTable('token').set({ last_used_at: usedAt.getTime() }).where('id', '=', id).execute()
    },

    async recordFailures({ failures, forget, expiredBefore }) {
      await writeTransaction(db, async (trx) => {
        for (const { key, failures: number, failedAt } of failures) {
          const row = { failures: number, failed_at: failedAt.getTime() }
          await trx
            .insertInto('login_failure')
            .values({ key, ...row })
            .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
            .execute()
        }
        for (const key of forget) await trx.deleteFrom('login_failure').where('key', '=', key).execute()
        await trx.deleteFrom('login_failure').where('failed_at', '<', expiredBefore.getTime()).execute()
        const surplus = trx
          .selectFrom('login_failure')
          .select('key')
          .orderBy('failed_at', 'desc')
          .limit(NO_LIMIT)
          .offset(MAX_FAILURES_KEPT)
        await trx.deleteFrom('login_failure').where('key', 'in', surplus).execute()
      })
    }
  }
}

/** @throws Problem USER_UNKNOWN */
async function getUser(trx: Kysely<Schema>, name: string): Promise<KeptUser> {
  const row = await trx.selectFrom('user').selectAll().where('name', '=', name).executeTakeFirst()
  if (row === undefined) throw new Problem('USER_UNKNOWN', `There is no user ${name}.`)
  return toUser(row)
}

/** @throws Problem LAST_ADMINISTRATOR when there is no other administrator */
async function requireOtherAdministrator(trx: Kysely<Schema>, name: string): Promise<void> {
  const other = await trx
    .selectFrom('user')
    .select('id')
    .where('role', '=', 'admin')
    .where('name', '!=', name)
    .executeTakeFirst()
  if (other !== undefined) return
  throw new Problem('LAST_ADMINISTRATOR', `The user ${name} is the only administrator.`)
}

async function countRows(trx: Kysely<Schema>, table: 'user'): Promise<number> {
  const { count } = await trx
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

function withoutSecrets({ name, role, createdAt, passwordChangedAt }: KeptUser): User {
  return { name, role, createdAt, passwordChangedAt }
}
