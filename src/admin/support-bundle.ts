/** `fixdepot support-bundle`: the facts about a depot that support needs, in one .tar without secrets. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import type { Config } from '../config/config.ts'
import { describeDatabaseError, isDatabaseError } from '../core/problems/database-error.ts'
import { HIDDEN, hideUrlSecrets, isSecretName } from '../core/problems/hide-secrets.ts'
import { Refusal } from '../core/problems/refusal.ts'
import { reasonOf } from '../core/problems/system-error.ts'
import { type Database, type DatabaseLocation, openDepotReadOnly } from '../store/engine/database.ts'
import { DatabaseUnusable } from '../store/engine/database-unusable.ts'
import { createInspectionStore } from '../store/maintenance/inspection-store.ts'
import { readVersion } from '../version.ts'
import { examine } from './doctor/doctor.ts'
import { makeTar, type TarFile } from './tar.ts'

export interface BundleOptions {
  readonly config: Config
  /** The variables from which the settings were read. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The bundle; the file must not exist. */
  readonly file: string
  /** The log of the server, if there is one. */
  readonly logFile?: string | undefined
  readonly now: Date
}

const OWNER_ONLY = 0o600

/** Covers about the last hours. */
const LOG_TAIL_BYTES = 1024 * 1024

/** @throws Refusal when the bundle cannot be written */
export async function writeSupportBundle({ config, environment, file, logFile, now }: BundleOptions): Promise<void> {
  const hide = hiderOf(environment)
  const parts: TarFile[] = [
    { name: 'settings.json', text: json({ given: givenSettings(environment), inEffect: shownSettings(config) }) },
    { name: 'facts.json', text: json({ madeAt: now.toISOString(), ...facts(config) }) },
    { name: 'database.json', text: json(await orReason(() => databaseFacts(config.storage))) },
    { name: 'doctor.txt', text: await doctorsFindings(config) },
    ...(logFile === undefined ? [] : [{ name: 'log.txt', text: tailOf(logFile) }])
  ]
  const hidden = parts.map(({ name, text }) => ({ name, text: hide(text) }))
  try {
    fs.writeFileSync(path.resolve(file), makeTar(hidden, now), { flag: 'wx', mode: OWNER_ONLY })
  } catch (cause) {
    throw new Refusal(`${file} cannot be written: ${reasonOf(cause)}.`, { cause })
  }
}

/** Replaces the secrets of the settings anywhere in a text, and everything in the form of a credential. */
function hiderOf(environment: Readonly<Record<string, string | undefined>>): (text: string) => string {
  const secrets = Object.entries(environment).flatMap(([name, value]) =>
    isSecretName(name) && value !== undefined && value.length >= 4 ? [value, JSON.stringify(value).slice(1, -1)] : []
  )
  return (text) => {
    const without = secrets.reduce((left, secret) => left.replaceAll(secret, HIDDEN), text)
    return hideUrlSecrets(without)
      .replace(/\b(Basic|Bearer)\s+[\w+/=.~-]{4,}/gi, `$1 ${HIDDEN}`)
      .replace(/("[\w-]*(?:passw|secret|token|csrf|authorization|cookie)[\w-]*"\s*:\s*")[^"]*/gi, `$1${HIDDEN}`)
  }
}

function givenSettings(environment: Readonly<Record<string, string | undefined>>) {
  const given = Object.entries(environment).filter(([name]) => name.startsWith('FIXDEPOT_'))
  return Object.fromEntries(given.map(([name, value]) => [name, isSecretName(name) ? HIDDEN : value]))
}

function shownSettings({ adminPassword, storage, ...config }: Config) {
  const shown = (secret: string | undefined) => (secret === undefined ? 'none' : HIDDEN)
  const { databaseUrl } = storage
  return { ...config, adminPassword: shown(adminPassword), storage: { ...storage, databaseUrl: shown(databaseUrl) } }
}

function facts(config: Config) {
  const { dataDirectory, repositoryDirectory } = config.storage
  return {
    version: readVersion(),
    node: process.versions,
    os: { platform: os.platform(), release: os.release(), arch: os.arch(), cpus: os.cpus().length },
    memoryBytes: { total: os.totalmem(), free: os.freemem() },
    uptimeSeconds: Math.floor(os.uptime()),
    disks: { data: volumeFacts(dataDirectory), repository: volumeFacts(repositoryDirectory) }
  }
}

function volumeFacts(directory: string) {
  try {
    const { type, bsize, blocks, bavail, files, ffree } = fs.statfsSync(directory)
    return { directory, type, totalBytes: blocks * bsize, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree }
  } catch (error) {
    return { directory, problem: reasonOf(error) }
  }
}

async function databaseFacts(location: DatabaseLocation) {
  const db = openDepotReadOnly(location)
  try {
    const store = createInspectionStore(db)
    const rows: Record<string, number> = {}
    for (const { name } of await db.introspection.getTables()) {
      const counted = await sql<{ count: number }>`select count(*) as count from ${sql.table(name)}`.execute(db)
      rows[name] = counted.rows[0]?.count ?? 0
    }
    const schema = await store.appliedMigrations()
    if (location.databaseUrl !== undefined) return { server: await serverVersion(db), schema, rows }
    return { bytes: fs.statSync(location.databaseFile).size, schema, damages: await store.damages(), rows }
  } finally {
    await db.destroy()
  }
}

async function serverVersion(db: Database): Promise<string | undefined> {
  const { rows } = await sql<{ version: string }>`select version()`.execute(db)
  return rows[0]?.version
}

async function doctorsFindings(config: Config): Promise<string> {
  const lines: string[] = []
  const code = await orReason(() => examine(config.storage, (line) => lines.push(line)))
  return [...lines, typeof code === 'number' ? `exit code ${code}` : code.problem, ''].join('\n')
}

/** A failed step gives its reason: when one part is broken, the other parts are needed most. */
async function orReason<T>(step: () => Promise<T>): Promise<T | { readonly problem: string }> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof DatabaseUnusable) return { problem: error.message }
    if (isDatabaseError(error)) return { problem: describeDatabaseError(error) }
    return { problem: reasonOf(error) }
  }
}

function tailOf(logFile: string): string {
  try {
    const { size } = fs.statSync(logFile)
    const start = Math.max(0, size - LOG_TAIL_BYTES)
    const buffer = Buffer.alloc(size - start)
    const fd = fs.openSync(logFile, 'r')
    try {
      fs.readSync(fd, buffer, 0, buffer.length, start)
    } finally {
      fs.closeSync(fd)
    }
    const text = buffer.toString()
    // The first line may be cut, so that a secret in it would not be recognized.
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1)
  } catch (error) {
    return `${logFile} cannot be read: ${reasonOf(error)}.\n`
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
