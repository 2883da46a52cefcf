/** The operator's commands as the command line has them: settings in, lines and an exit code out. Each loads its own code. */
import { ConfigError, processEnvironment, readConfig } from '../config.ts'
import { DatabaseUnusable } from '../store/database-unusable.ts'
import { InstanceLocked } from '../store/instance-lock.ts'
import { SOUND, UNKNOWN } from './findings.ts'
import { Refusal } from './refusal.ts'

const FAILED = 1

export async function runBackup(file: string): Promise<number> {
  return sayWhy(FAILED, async () => {
    const { backUp } = await import('./backup.ts')
    await backUp(readConfig().databaseFile, file)
    print(`The database is copied into ${file}.`)
    return SOUND
  })
}

export async function runDoctor(isRebuild: boolean): Promise<number> {
  return sayWhy(UNKNOWN, async () => {
    const config = readConfig()
    if (!isRebuild) return (await import('./doctor.ts')).examine(config, print)
    const { rebuildCatalog } = await import('./rebuild-catalog.ts')
    print('Reading the whole repository.')
    const { packageCount, filesRead, bytesRead } = await rebuildCatalog(config)
    print(`${filesRead} files of ${bytesRead} bytes were read. Packages in the catalog: ${packageCount}.`)
    return SOUND
  })
}

export async function runAuditVerify(expected: string | undefined): Promise<number> {
  return sayWhy(UNKNOWN, async () => (await import('./audit.ts')).verifyAudit(readConfig(), { expected, print }))
}

export async function runAuditExport(since: string | undefined, until: string | undefined): Promise<number> {
  return sayWhy(UNKNOWN, async () => {
    const { exportAudit } = await import('./audit.ts')
    await exportAudit(readConfig(), { since, until, output: process.stdout })
    return SOUND
  })
}

/** @param logFile of the server; undefined: none is known */
export async function runSupportBundle(file: string, logFile: string | undefined): Promise<number> {
  return sayWhy(FAILED, async () => {
    const { writeSupportBundle } = await import('./support-bundle.ts')
    const [config, environment] = [readConfig(), processEnvironment()]
    await writeSupportBundle({ config, environment, file, logFile, now: new Date() })
    print(`What helps to find a fault is in ${file}, without secrets. Look at it before you give it to somebody.`)
    return SOUND
  })
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** What an operator can understand ends the command with a sentence; anything else is a bug. */
async function sayWhy(failure: number, command: () => Promise<number>): Promise<number> {
  try {
    return await command()
  } catch (error) {
    const isUnderstood = [ConfigError, DatabaseUnusable, InstanceLocked, Refusal].some((type) => error instanceof type)
    if (!isUnderstood) throw error
    process.stderr.write(`${(error as Error).message}\n`)
    return failure
  }
}
