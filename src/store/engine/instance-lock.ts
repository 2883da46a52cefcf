/**
 * The lock of a data directory. Two servers on one directory would pack the same archives and remove each other's
 * files: the second one is refused.
 */
import path from 'node:path'
import Database from 'better-sqlite3'
import { databaseErrorKind } from '../../core/problems/database-error.ts'
import { checkDirectoryOf, DatabaseUnusable, toUnusable } from './database-unusable.ts'

/** Another process uses the data directory. */
export class InstanceLocked extends Error {
  override readonly name = 'InstanceLocked'
}

export interface InstanceLock {
  release(): void
}

/** The lock file of a data directory. */
export function lockFileIn(dataDirectory: string): string {
  return path.join(dataDirectory, 'fixdepot.lock')
}

/** Keeps the connections reachable: a lock ends when its connection is garbage-collected. */
const held = new Set<Database.Database>()

/**
 * Locks the data directory for this process. It is a lock of the operating system: it is released when the process ends
 * in any way.
 * @param file created when missing; it remains empty
 * @throws InstanceLocked, DatabaseUnusable
 */
export function acquireInstanceLock(file: string): InstanceLock {
  checkDirectoryOf(file)
  let database: Database.Database | undefined
  try {
    database = new Database(file, { timeout: 0 })
    // Otherwise the transaction would leave a journal beside the file.
    database.pragma('journal_mode = MEMORY')
    database.pragma('locking_mode = EXCLUSIVE')
    database.exec('begin exclusive')
  } catch (error) {
    database?.close()
    throw toRefusal(error, file)
  }
  const lock = database
  held.add(lock)
  return {
    release() {
      held.delete(lock)
      lock.close()
    }
  }
}

function toRefusal(error: unknown, file: string): unknown {
  const kind = databaseErrorKind(error)
  if (kind === 'busy') {
    const text = `Another fixdepot uses ${path.dirname(file)}. Stop it, or set FIXDEPOT_DATA_DIR to another directory.`
    return new InstanceLocked(text, { cause: error })
  }
  if (kind === 'damaged') {
    const text = `${file} is not a lock file of fixdepot. Remove the file, and start again.`
    return new DatabaseUnusable(text, { cause: error })
  }
  return toUnusable(file, error) ?? error
}
