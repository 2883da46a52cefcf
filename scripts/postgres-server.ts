/**
 * A real PostgreSQL for tests and trials: Debian's package in a temporary directory, on its own Unix socket. It ends
 * with the process that has started it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'

/** No log may contain this password; the server does not check it. */
export const POSTGRES_PASSWORD = 'a-password-of-postgres'

const VERSIONS = '/usr/lib/postgresql'
const WAIT_MS = 30_000
const POLL_MS = 5
const SPACE_BYTES = 1_000_000_000

export interface PostgresServer {
  /** The URL of one of its databases. */
  url(database: string): string
  /** Ends the server like a crash. Resolves when the process has ended. */
  kill(): Promise<void>
  /** Starts it again after `kill`. */
  start(): Promise<void>
  /** Ends the server, and removes its data. */
  remove(): Promise<void>
}

/** Whether PostgreSQL is installed on this machine. */
export function canRunPostgres(): boolean {
  return binaries() !== undefined
}

/** The newest version that Debian has installed. */
function binaries(): string | undefined {
  const versions = fs.existsSync(VERSIONS) ? fs.readdirSync(VERSIONS).map(Number) : []
  const directories = versions.sort((left, right) => right - left).map((version) => `${VERSIONS}/${version}/bin`)
  return directories.find((directory) => fs.existsSync(`${directory}/initdb`))
}

/** PostgreSQL refuses to run as root. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Runs the server until its input has a line or ends. Unless the line is `keep`, the data is removed. */
const KEEPER = `
  "$@" & postgres=$!
  read -r line
  kill -QUIT $postgres
  wait $postgres
  [ "$line" = keep ] || rm -rf "$0" || { sleep 1; rm -rf "$0"; }`

/** In memory if it has enough space: a database consists of hundreds of files. */
function fastDirectory(): string {
  if (!fs.existsSync('/dev/shm')) return os.tmpdir()
  const { bavail, bsize } = fs.statfsSync('/dev/shm')
  return bavail * bsize >= SPACE_BYTES ? '/dev/shm' : os.tmpdir()
}

/** For tests: no durability, and no background work. */
const FOR_TESTS = ['fsync=off', 'shared_buffers=32MB', 'max_wal_size=64MB', 'autovacuum=off']

/**
 * Starts a server on its own Unix socket. It ends with this process, also when that is killed: the shell around it
 * reads from a pipe that closes then. The default collation of its databases is English, on which the depot must not
 * depend.
 * @param directory for the data on a disk, with durability and PostgreSQL's defaults, as in production; without one,
 * the data is in memory and the settings are for tests
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

/** Runs one statement on a new connection. */
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
