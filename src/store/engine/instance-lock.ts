/**
 * Two servers on one data directory would pack the same archives and remove each other's files: the second is refused.
 */
import path from 'node:path'
import Database from 'better-sqlite3'
import { databaseErrorKind } from '../../core/problems/database-error.ts'
import { checkDirectoryOf, DatabaseUnusable, toUnusable } from './database-unusable.ts'

/** Another process has the data directory. */
export class InstanceLocked extends Error {
  override readonly name = 'InstanceLocked'
}

export interface InstanceLock {
  release(): void
}

/** The lock of a data directory. */
export function lockFileIn(dataDirectory: string): string {
  return path.join(dataDirectory, 'fixdepot.lock')
}

/** A lock ends with its connection, and a connection that nobody holds is collected as garbage. */
const held = new Set<Database.Database>()

/**
 * Takes the data directory for this process. The lock is the system's: it ends with the process, however that ends.
 * @param file is made when it is not there, and stays empty
 * @throws InstanceLocked, DatabaseUnusable
 */
export function acquireInstanceLock(file: string): InstanceLock {
  checkDirectoryOf(file)
  let database: Database.Database | undefined
  try {
    database = new Database(file, { timeout: 0 })
    // Without these the beginning of a transaction would leave a journal beside the file.
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
    const text = `Another fixdepot works in ${path.dirname(file)}. Stop it first, or set FIXDEPOT_DATA_DIR to a directory of its own.`
    return new InstanceLocked(text, { cause: error })
  }
  if (kind === 'damaged') {
    const text = `${file} is not the lock that fixdepot made. Remove the file, and start again.`
    return new DatabaseUnusable(text, { cause: error })
  }
  return toUnusable(file, error) ?? error
}
