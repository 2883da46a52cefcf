/**
 * A real S3 server for tests and trials: Ceph's radosgw over one monitor and one object store in memory, in a temporary
 * directory and on free ports of loopback. It needs the programs of Debian's packages radosgw, ceph-mon and ceph-osd.
 *
 * `node scripts/s3-server.ts` prints the endpoint and the credentials, and runs until it is interrupted. With
 * `--until-input-ends` it ends with the process that has started it, also when that is killed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const PROGRAMS = ['monmaptool', 'ceph-mon', 'ceph-osd', 'ceph', 'rados', 'radosgw', 'radosgw-admin']
const START_MS = 90_000
const POLL_MS = 100
const STORE_BYTES = 8 * 1024 ** 3

const run = promisify(execFile)

export interface S3Server {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of Ceph, for tests that read below radosgw; other S3 servers have none. */
  readonly configurationFile?: string
}

export interface OwnS3Server {
  /** Endpoint and credentials. */
  readonly server: S3Server
  /** Ends radosgw like a crash; the other daemons keep its data. */
  killGateway(): Promise<void>
  /** Starts it again after `killGateway`. Resolves when it answers. */
  startGateway(): Promise<void>
  /** Ends the server, and removes its data. */
  stop(): Promise<void>
}

/** Whether Ceph is installed on this machine. */
export function canRunS3Server(): boolean {
  const directories = (process.env.PATH ?? '').split(path.delimiter)
  return PROGRAMS.every((program) => directories.some((directory) => fs.existsSync(path.join(directory, program))))
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function configuration(directory: string, id: string, monitorPort: number, port: number): string {
  const settings = {
    fsid: id,
    'mon host': `v2:127.0.0.1:${monitorPort}`,
    'public addr': '127.0.0.1',
    'cluster addr': '127.0.0.1',
    // Encryption between daemons is the default, but needs keys.
    'auth cluster required': 'none',
    'auth service required': 'none',
    'auth client required': 'none',
    ...Object.fromEntries(
      ['mon client', 'mon service', 'mon cluster', 'client', 'service', 'cluster'].map((role) => [
        `ms ${role} mode`,
        'crc'
      ])
    ),
    'run dir': directory,
    'log file': '',
    'admin socket': '',
    'pid file': '',
    'mon data': path.join(directory, 'mon'),
    'mon data avail crit': 1,
    'mon allow pool size one': true,
    'osd data': path.join(directory, 'osd'),
    'osd objectstore': 'memstore',
    'memstore device bytes': STORE_BYTES,
    'osd pool default size': 1,
    'osd pool default min size': 1,
    'osd pool default pg num': 1,
    'osd pool default pgp num': 1,
    'osd crush chooseleaf type': 0,
    'osd crush initial weight': 1,
    'rgw frontends': `beast endpoint=127.0.0.1:${port}`,
    'rgw enable apis': 's3',
    'rgw data': path.join(directory, 'rgw'),
    'rgw run sync thread': false,
    'rgw thread pool size': 64
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  return `[global]\n${lines.join('\n')}\n`
}

export async function startS3Server(): Promise<OwnS3Server> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fixdepot-s3-'))
  const daemons: ChildProcess[] = []
  async function stop(): Promise<void> {
    for (const daemon of daemons.reverse()) await kill(daemon)
    fs.rmSync(directory, { recursive: true, force: true })
  }
  try {
    const [monitorPort, port] = [await freePort(), await freePort()]
    const [id, storeId] = [randomUUID(), randomUUID()]
    const conf = path.join(directory, 'ceph.conf')
    fs.writeFileSync(conf, configuration(directory, id, monitorPort, port))
    for (const name of ['mon', 'osd', 'rgw']) fs.mkdirSync(path.join(directory, name))
    const daemon = (program: string, ...args: string[]) => {
      const output = fs.openSync(path.join(directory, `${program}.out`), 'a')
      const child = spawn(program, ['-c', conf, '-f', ...args], { stdio: ['ignore', output, output] })
      fs.closeSync(output)
      daemons.push(child)
      return child
    }
    const map = path.join(directory, 'monmap')
    await run('monmaptool', ['--create', '--fsid', id, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`, map])
    await run('ceph-mon', ['-c', conf, '--mkfs', '-i', 'a', '--monmap', map])
    daemon('ceph-mon', '-i', 'a')
    await run('ceph', ['-c', conf, '--connect-timeout', '30', 'osd', 'new', storeId])
    await run('ceph-osd', ['-c', conf, '-i', '0', '--mkfs', '--osd-uuid', storeId])
    daemon('ceph-osd', '-i', '0')
    const endpoint = `http://127.0.0.1:${port}`
    let gateway: ChildProcess
    async function startGateway(): Promise<void> {
      gateway = daemon('radosgw', '-n', 'client.admin')
      const end = Date.now() + START_MS
      while (!(await isAnswered(endpoint))) {
        if (gateway.exitCode !== null || Date.now() > end) {
          throw new Error(`radosgw does not answer: ${fs.readFileSync(path.join(directory, 'radosgw.out'), 'utf8')}`)
        }
        await delay(POLL_MS)
      }
    }
    await startGateway()
    const [accessKeyId, secretAccessKey] = [randomBytes(10).toString('hex'), randomBytes(20).toString('hex')]
    const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey]
    await run('radosgw-admin', ['-c', conf, 'user', 'create', '--uid', 'tester', '--display-name', 'tester', ...keys])
    return {
      server: { endpoint, accessKeyId, secretAccessKey, configurationFile: conf },
      killGateway: () => kill(gateway),
      startGateway,
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function kill(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const ended = once(daemon, 'exit')
  daemon.kill('SIGKILL')
  await ended
}

async function isAnswered(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false
  )
}

async function main(): Promise<void> {
  const ends = ['SIGINT', 'SIGTERM'].map((signal) => once(process, signal))
  if (process.argv.includes('--until-input-ends')) ends.push(once(process.stdin.resume(), 'end'))
  const { server, stop } = await startS3Server()
  process.stdout.write(`TEST_S3='${JSON.stringify(server)}'\n`)
  await Promise.race(ends)
  await stop()
  process.exit(0)
}

if (import.meta.main) await main()
