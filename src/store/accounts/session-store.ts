/** Sessions in the database. */
import type { Selectable } from 'kysely'
import type { KeptSession, Session, SessionCommands, SessionReader } from '../../core/accounts/session.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { Database } from '../engine/database.ts'
import { NO_LIMIT } from '../engine/dialect.ts'
import type { SessionTable } from '../engine/schema.ts'
import { durableTransaction } from '../engine/transactions.ts'

/** The least recently used sessions end when there are more. */
export const MAX_SESSIONS = 1_000

export function createSessionReader(db: Database): SessionReader {
  return {
    async findSession(id) {
      const row = await db.selectFrom('session').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toKeptSession(row)
    },

    async listSessions() {
      const rows = await db
        .selectFrom('session')
        .selectAll()
        .orderBy('created_at')
        .orderBy('id')
        .limit(MAX_SESSIONS)
        .execute()
      return rows.map(toSession)
    }
  }
}

export function createSessionCommands(db: Database): SessionCommands {
  return {
    async openSession({ session, identity, expiredBefore }) {
      await durableTransaction(db, async (trx) => {
        await trx.deleteFrom('session').where('last_used_at', '<', expiredBefore.getTime()).execute()
        const owner = await trx
          .selectFrom('user')
          .select('id')
          .where('id', '=', identity.userId)
          .where('version', '=', identity.userVersion)
          .executeTakeFirst()
        if (owner === undefined) {
          throw new Problem('LOGIN_REFUSED', 'The user or the password has been changed during the login.')
        }
        await trx
          .insertInto('session')
          .values({
            id: session.id,
            secret_hash: session.secretHash,
            user_id: owner.id,
            user_name: session.userName,
            address: session.address,
            created_at: session.createdAt.getTime(),
            last_used_at: session.lastUsedAt.getTime()
          })
          .execute()
        const surplus = trx
          .selectFrom('session')
          .select('id')
          .where('id', '!=', session.id)
          .orderBy('last_used_at', 'desc')
          .limit(NO_LIMIT)
          .offset(MAX_SESSIONS - 1)
        await trx.deleteFrom('session').where('id', 'in', surplus).execute()
      })
    },

    async endSession(id) {
      return durableTransaction(db, async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('session').where('id', '=', id).executeTakeFirstOrThrow()
        return numDeletedRows > 0n
      })
    },

    async recordUse({ id, usedAt }) {
      await db
        .updateTable('session')
        .set({ last_used_at: usedAt.getTime() })
        .where('id', '=', id)
        .where('last_used_at', '<', usedAt.getTime())
        .execute()
    }
  }
}

function toKeptSession(row: Selectable<SessionTable>): KeptSession {
  return { ...toSession(row), secretHash: row.secret_hash }
}

function toSession({ id, user_name, address, created_at, last_used_at }: Selectable<SessionTable>): Session {
  return { id, userName: user_name, address, createdAt: new Date(created_at), lastUsedAt: new Date(last_used_at) }
}
