/** A large export is killed several times, and is resumed at its checkpoint. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { allowTime, IS_THOROUGH } from '../../support/chaos/chaos.ts'
import { packageFiles } from '../../support/packages.ts'
import {
  makeDirectories,
  type ServerOptions,
  startServer,
  type TestServer,
  until
} from '../../support/servers/server.ts'

allowTime(t, 10)

const MIB = 2 ** 20
const KILLS = 5
const LARGE_BYTES = IS_THOROUGH ? 2 ** 31 : 400 * MIB
/** An allowance for polls, the database, and other reads of the process. */
const OTHER_READ_BYTES = 4 * MIB

const skip = fs.existsSync('/proc/self/io') ? false : 'needs /proc/self/io'

/** The bytes that the process has read from files and sockets. */
function bytesRead({ child }: TestServer): number {
  const [, bytes = ''] = /^rchar: (\d+)$/m.exec(fs.readFileSync(`/proc/${child.pid}/io`, 'utf8')) ?? []
  return Number(bytes)
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(fs.createReadStream(file, { highWaterMark: 4 * MIB }), hash)
  return hash.digest('hex')
}

/** The bytes that an idle server reads. */
async function bytesReadIdle(options: ServerOptions): Promise<number> {
  const server = await startServer(t, options)
  const bytes = bytesRead(server)
  await server.stop()
  return bytes
}

t.test(
  `an export killed ${KILLS} times reads at most 64 MiB again for each, and has the same bytes`,
  { skip },
  async (t) => {
    const directories = makeDirectories(t, packageFiles({ fixid: 'large', payload: '' }))
    const payload = path.join(directories.repositoryDirectory, 'large.uxz')
    fs.truncateSync(payload, LARGE_BYTES)
    fs.appendFileSync(payload, 'the end')
    await (await startServer(t, directories)).stop()
    const idle = await bytesReadIdle(directories)

    let read = 0
    let taskid: number | undefined
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const server = await startServer(t, directories)
      taskid ??= await server.export()
      await until(`the export is at ${kill} of ${KILLS + 1}`, async () => {
        const { downloadedsize, totalsize } = await server.status(taskid ?? 0)
        return downloadedsize >= (kill / (KILLS + 1)) * totalsize
      })
      server.child.kill('SIGSTOP')
      read += bytesRead(server) - idle
      await server.stop('SIGKILL')
    }
    const server = await startServer(t, directories)
    const { state, current, totalsize } = await server.finished(taskid ?? 0)
    t.equal(state, 'complete')
    read += bytesRead(server) - idle
    await server.stop()

    const again = (read - LARGE_BYTES) / KILLS
    t.comment(`${totalsize} bytes, ${KILLS} kills, read again per kill: ${Math.round(again)} bytes`)
    t.ok(again <= 64 * MIB + OTHER_READ_BYTES, 'at most 64 MiB are read again')

    const other = { ...directories, dataDirectory: path.join(path.dirname(directories.dataDirectory), 'other') }
    const calm = await startServer(t, other)
    const uninterrupted = await calm.finished(await calm.export())
    await calm.stop()
    const [resumed, whole] = await Promise.all([
      digestOf(path.join(directories.dataDirectory, 'archives', current)),
      digestOf(path.join(other.dataDirectory, 'archives', uninterrupted.current))
    ])
    t.equal(resumed, whole, 'the archive is byte-identical to an uninterrupted one')
  }
)
