/**
 * The operator's commands: each reads the settings, prints lines or JSON, and returns the exit code. A command loads
 * only its own code.
 */
import { processEnvironment, readConfig } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { Refusal } from '../core/problems/refusal.ts'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import { DatabaseUnusable } from '../store/engine/database-unusable.ts'
import { InstanceLocked } from '../store/engine/instance-lock.ts'
import { SOUND, UNKNOWN } from './doctor/findings.ts'
import type { MoveResult } from './migrate-store/migrate-store.ts'
import type { SettingChanges } from './migrate-store/move-locations.ts'

const FAILED = 1

/** @returns the exit code */
export async function runBackup(file: string, isJson: boolean): Promise<number> {
  return explain(FAILED, isJson, async () => {
    const { backUp } = await import('./backup.ts')
    const { databaseFile: database, databaseUrl, archivesBucket } = readConfig().storage
    if (databaseUrl !== undefined) {
      const advice = 'Copy it with pg_dump, and the repository with any tool for directories.'
      throw new Refusal(`fixdepot backup does not copy a PostgreSQL database. ${advice}`)
    }
    await backUp(database, file)
    print(isJson ? JSON.stringify({ database, file }) : `The database was copied into ${file}.`)
    if (!isJson && archivesBucket !== undefined) print('The archives in S3 are not part of the backup.')
    return SOUND
  })
}

/** @returns the exit code */
export async function runDoctor(isRebuild: boolean, isJson: boolean): Promise<number> {
  return explain(UNKNOWN, isJson, async () => {
    const { storage } = readConfig()
    if (!isRebuild)
      return isJson ? examineForScripts(storage) : (await import('./doctor/doctor.ts')).examine(storage, print)
    const { rebuildCatalog } = await import('./rebuild-catalog.ts')
    if (!isJson) print('Reading the whole repository …')
    const { packageCount, filesRead, bytesRead } = await rebuildCatalog(storage)
    const sentence = `${filesRead} files with ${bytesRead} bytes were read. Packages in the catalog: ${packageCount}.`
    print(isJson ? JSON.stringify({ packageCount, filesRead, bytesRead }) : sentence)
    return SOUND
  })
}

async function examineForScripts(storage: StorageConfig): Promise<number> {
  const lines: string[] = []
  const code = await (await import('./doctor/doctor.ts')).examine(storage, (line) => void lines.push(line))
  print(JSON.stringify({ isSound: code === SOUND, isComplete: code !== UNKNOWN, lines }))
  return code
}

/** @returns the exit code */
export async function runMigrate(): Promise<number> {
  return explain(FAILED, false, async () => {
    const { migrateDatabase } = await import('./migrate.ts')
    const applied = await migrateDatabase(readConfig().storage)
    print(applied.length === 0 ? 'The database is up to date.' : `Migrated: ${applied.join(', ')}`)
    return SOUND
  })
}

/**
 * @param file with the settings of the target
 * @returns the exit code
 */
export async function runMigrateStore(file: string, isJson: boolean): Promise<number> {
  return explain(FAILED, isJson, async () => {
    const [{ migrateStore }, { readMoveLocations, settingChanges }] = await Promise.all([
      import('./migrate-store/migrate-store.ts'),
      import('./migrate-store/move-locations.ts')
    ])
    const locations = readMoveLocations(readConfig().storage, processEnvironment(), file)
    const changes = settingChanges(processEnvironment(), file)
    const result = await migrateStore(locations, file, isJson ? () => {} : print)
    if (isJson) print(JSON.stringify({ ...result, settings: changes }))
    else for (const line of linesOfMove(result, changes, file)) print(line)
    return SOUND
  })
}

function* linesOfMove({ tables, archives }: MoveResult, changes: SettingChanges, file: string): Generator<string> {
  if (tables !== undefined) yield `${tables.count} tables with ${tables.rows} rows are equal in source and target.`
  for (const sentence of archives?.leftOut ?? []) yield `Not moved: ${sentence}`
  if (archives !== undefined) {
    yield `${archives.count} archives with ${archives.bytes} bytes were moved and read back.`
  }
  const without = changes.unset.length === 0 ? '' : `, without ${changes.unset.join(', ')}`
  yield `Start the server with ${changes.asInFile.join(', ')} as in ${file}${without}. Do not start it with the former settings again.`
}

/** @returns the exit code, as `runDoctor` */
export async function runAuditVerify(expected: string | undefined, isJson: boolean): Promise<number> {
  return explain(UNKNOWN, isJson, async () => {
    const { verifyAudit } = await import('./audit.ts')
    if (!isJson) return verifyAudit(readConfig().storage, { expected, print })
    const lines: string[] = []
    const code = await verifyAudit(readConfig().storage, { expected, print: (line) => void lines.push(line) })
    print(JSON.stringify({ isSound: code === SOUND, lines }))
    return code
  })
}

/** @returns the exit code */
export async function runAuditExport(since: string | undefined, until: string | undefined): Promise<number> {
  return explain(FAILED, false, async () => {
    const { exportAudit } = await import('./audit.ts')
    await exportAudit(readConfig().storage, { since, until, output: process.stdout })
    return SOUND
  })
}

/**
 * @param logFile of the server, if there is one
 * @returns the exit code
 */
export async function runSupportBundle(file: string, logFile: string | undefined, isJson: boolean): Promise<number> {
  return explain(FAILED, isJson, async () => {
    const { writeSupportBundle } = await import('./support-bundle.ts')
    const [config, environment] = [readConfig(), processEnvironment()]
    await writeSupportBundle({ config, environment, file, logFile, now: new Date() })
    const sentence = `${file} has the facts for support, without secrets. Check its contents before you send it.`
    print(isJson ? JSON.stringify({ file }) : sentence)
    return SOUND
  })
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Whether the message is a sentence for the operator. Every other error is a bug. */
export function isForOperator(error: unknown): error is Error {
  return [ConfigError, DatabaseUnusable, InstanceLocked, Refusal].some((type) => error instanceof type)
}

/** Prints the message of an error that is meant for the operator. @param failure exit code in this case */
async function explain(failure: number, isJson: boolean, command: () => Promise<number>): Promise<number> {
  try {
    return await command()
  } catch (error) {
    if (!isForOperator(error)) throw error
    const { message, name: code } = error
    process.stderr.write(
      `${isJson ? JSON.stringify({ error: message, code, exitCode: failure, recovery: '' }) : message}\n`
    )
    return failure
  }
}
