/**
 * A real PostgreSQL for tests and trials: a server of Debian's package in a temporary directory, on a socket of its
 * own, that ends with the process that has started it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'

/** A password that no log may have; the server asks for none. */
export const POSTGRES_PASSWORD = 'a-password-of-postgres'

const VERSIONS = '/usr/lib/postgresql'
const WAIT_MS = 30_000
const POLL_MS = 5
const SPACE_BYTES = 1_000_000_000

export interface PostgresServer {
  /** Of one of its databases. */
  url(database: string): string
  /** As a crash of it would be. Resolves when it is gone. */
  kill(): Promise<void>
  /** After it was killed. */
  start(): Promise<void>
  /** Ends it, and removes what it has kept. */
  remove(): Promise<void>
}

/** Whether its programs are on this machine. */
export function canRunPostgres(): boolean {
  return binaries() !== undefined
}

/** The newest version that Debian has installed. */
function binaries(): string | undefined {
  const versions = fs.existsSync(VERSIONS) ? fs.readdirSync(VERSIONS).map(Number) : []
  const directories = versions.sort((left, right) => right - left).map((version) => `${VERSIONS}/${version}/bin`)
  return directories.find((directory) => fs.existsSync(`${directory}/initdb`))
}

/** It refuses to run as root. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Runs the server until it is told to stop, or whoever tells it has gone: then nothing of it stays. */
const KEEPER = `
  "$@" & postgres=$!
  read -r word
  kill -QUIT $postgres
  wait $postgres
  [ "$word" = keep ] || rm -rf "$0" || { sleep 1; rm -rf "$0"; }`

/** In memory, where there is enough of it: a database is made of hundreds of files. */
function fastDirectory(): string {
  if (!fs.existsSync('/dev/shm')) return os.tmpdir()
  const { bavail, bsize } = fs.statfsSync('/dev/shm')
  return bavail * bsize >= SPACE_BYTES ? '/dev/shm' : os.tmpdir()
}

/** For tests: what is lost with the machine does not matter, and nothing runs but what a test asks for. */
const FOR_TESTS = ['fsync=off', 'shared_buffers=32MB', 'max_wal_size=64MB', 'autovacuum=off']

/**
 * Starts a server on a socket of its own. It ends with this process, also with a killed one: the shell that keeps it
 * reads from a pipe that closes then. Its databases sort as in English by default, which the depot's must not.
 * @param directory where it keeps its data, as an operator has it: on a disk that it waits for, and with PostgreSQL's
 * own defaults; without one it is in memory and made for tests
 * @param further settings, as `name=value`
 */
export async function startPostgres({
  directory,
  further = []
}: {
  readonly directory?: string
  readonly further?: readonly string[]
} = {}): Promise<PostgresServer> {
  const bin = binaries()
  if (bin === undefined) throw new Error(`PostgreSQL is not installed in ${VERSIONS}`)
  const root = fs.mkdtempSync(path.join(directory ?? fastDirectory(), 'fixdepot-postgres-'))
  const { uid, gid } = account()
  if (uid !== undefined && gid !== undefined) fs.chownSync(root, uid, gid)
  const data = path.join(root, 'data')
  const as = { cwd: root, uid, gid, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } }
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en']
  execFileSync(`${bin}/initdb`, ['-D', data, '-A', 'trust', '-U', 'fixdepot', '-N', ...locale], {
    ...as,
    stdio: 'ignore'
  })
  const settings = [
    'listen_addresses=',
    'max_connections=100',
    ...(directory === undefined ? FOR_TESTS : []),
    ...further
  ]
  const command = [`${bin}/postgres`, '-D', data, '-k', root, ...settings.flatMap((setting) => ['-c', setting])]
  let child: ChildProcess

  async function start(): Promise<void> {
    child = spawn('sh', ['-c', KEEPER, root, ...command], { ...as, stdio: ['pipe', 'ignore', 'ignore'] })
    child.unref()
    ;(child.stdin as unknown as { unref(): void }).unref()
    await answering(server.url('postgres'))
  }

  const server: PostgresServer = {
    url: (database) => `postgres://fixdepot:${POSTGRES_PASSWORD}@localhost/${database}?host=${root}`,
    start,
    async kill() {
      child.ref()
      const ended = once(child, 'exit')
      child.stdin?.end('keep\n')
      await ended
    },
    async remove() {
      if (child.exitCode === null) await server.kill()
      fs.rmSync(root, { recursive: true, force: true, maxRetries: 10 })
    }
  }
  await start()
  return server
}

async function answering(url: string): Promise<void> {
  for (const end = Date.now() + WAIT_MS; ; await delay(POLL_MS)) {
    try {
      return await ask(url, 'select 1')
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}

/** One statement on a connection of its own. */
export async function ask(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
