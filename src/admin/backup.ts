/** `fixdepot backup`: copies the SQLite database into one file, also while the server runs. */
import fs from 'node:fs'
import path from 'node:path'
import { Refusal } from '../core/problems/refusal.ts'
import { reasonOf } from '../core/problems/system-error.ts'
import { openReadOnly } from '../store/engine/database.ts'
import { toUnusable } from '../store/engine/database-unusable.ts'
import { copyDatabase, finishCopy } from '../store/maintenance/copy-database.ts'

/** The database contains password hashes. */
const OWNER_ONLY = 0o600

/**
 * Copies the database into `file`. The file appears only when it is complete.
 * @throws Refusal, DatabaseUnusable
 */
export async function backUp(databaseFile: string, file: string): Promise<void> {
  const target = path.resolve(file)
  if (!fs.statSync(path.dirname(target), { throwIfNoEntry: false })?.isDirectory()) {
    throw new Refusal(`There is no directory ${path.dirname(target)}.`)
  }
  refuseExisting(target)
  const part = `${target}.part`
  const db = openReadOnly(databaseFile)
  try {
    reserve(part)
    try {
      await write(() => copyDatabase(db, part), databaseFile, part)
      const damages = await write(async () => finishCopy(part), part, part)
      if (damages.length > 0)
        throw new Refusal(`The copy is damaged and was removed: ${damages[0]}. Run fixdepot doctor.`)
      await write(async () => publish(part, target), part, part)
    } catch (error) {
      fs.rmSync(part, { force: true })
      throw error
    }
  } finally {
    await db.destroy()
  }
}

function refuseExisting(target: string): void {
  if (fs.lstatSync(target, { throwIfNoEntry: false }) === undefined) return
  throw new Refusal(`${target} already exists. A backup does not overwrite a file.`)
}

function reserve(part: string): void {
  try {
    fs.closeSync(fs.openSync(part, 'wx', OWNER_ONLY))
  } catch (error) {
    if (reasonOf(error) !== 'EEXIST')
      throw new Refusal(`${part} cannot be written: ${reasonOf(error)}.`, { cause: error })
    throw new Refusal(
      `${part} already exists: another backup is running or was interrupted. If none is running, remove the file.`
    )
  }
}

/** @param file the one that an error is about */
async function write<T>(step: () => Promise<T>, file: string, part: string): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof Refusal) throw error
    const reason = reasonOf(error)
    if (reason === 'SQLITE_FULL' || reason === 'ENOSPC') {
      throw new Refusal(`There is no space left for ${part}. The file was removed.`, { cause: error })
    }
    throw toUnusable(file, error) ?? error
  }
}

function publish(part: string, target: string): void {
  sync(part)
  refuseExisting(target)
  fs.renameSync(part, target)
  sync(path.dirname(target))
}

function sync(file: string): void {
  const fd = fs.openSync(file, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
