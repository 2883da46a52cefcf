/** The data directory has too little space: on a full volume, and with a limit on the size of files. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { allowTime } from '../../support/chaos/chaos.ts'
import { type ChaosDepot, FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { startServer, type TestServer, until } from '../../support/servers/server.ts'

allowTime(t, 5)

const MIB = 2 ** 20
const LARGE = FIXIDS[0] ?? ''
const SMALL = FIXIDS[1] ?? ''

const has = (command: string) => spawnSync(command, ['--version']).status === 0
const canMount = process.platform === 'linux' && process.getuid?.() === 0

/** A depot whose data directory is a volume of `bytes`; undefined when the volume cannot be mounted. */
async function makeDepotOnVolume(t: Test, bytes: number): Promise<ChaosDepot | undefined> {
  const depot = await makeChaosDepot(t, 40 * MIB)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', depot.dataDirectory]).status !== 0)
    return undefined
  t.teardown(() => void spawnSync('umount', ['--lazy', depot.dataDirectory]))
  return depot
}

/** Fills the volume with a file until only `free` bytes remain. @returns removes the file */
function fillVolume(directory: string, free: number): () => void {
  const filler = path.join(directory, 'of another program')
  const fd = fs.openSync(filler, 'w')
  const block = Buffer.alloc(MIB)
  try {
    for (;;) fs.writeSync(fd, block)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
  fs.ftruncateSync(fd, fs.fstatSync(fd).size - free)
  fs.closeSync(fd)
  return () => fs.rmSync(filler)
}

const noParts = (depot: ChaosDepot) =>
  until('no part remains', async () => (await depot.archives.unfinished()).length === 0)

async function checks(server: TestServer): Promise<{ code: number; text: string }> {
  const response = await fetch(`${server.url}/health/ready`)
  return { code: response.status, text: await response.text() }
}

const skipVolume = canMount ? false : 'needs to be root on Linux, to mount a volume'

t.test(
  'an export that needs more space than is free is refused, with both numbers',
  { skip: skipVolume },
  async (t) => {
    const depot = await makeDepotOnVolume(t, 100 * MIB)
    if (depot === undefined) return t.pass('the volume cannot be mounted')
    const server = await startServer(t, depot)
    const body = JSON.stringify({ fixids: [LARGE] })
    const response = await server.call('/updateRepositories/firmware?action=export', { method: 'PUT', body })
    t.equal(response.status, 409)
    t.match(await response.text(), /needs \d+ bytes; \d+ bytes are free, and \d+ of them are reserved/)
    const small = await server.finished(await server.export({ fixids: [SMALL] }))
    t.equal(small.state, 'complete', 'a smaller export completes')
  }
)

t.test(
  'a full volume fails the export with a clear message, and later exports complete',
  { skip: skipVolume },
  async (t) => {
    const depot = await makeDepotOnVolume(t, 160 * MIB)
    if (depot === undefined) return t.pass('the volume cannot be mounted')
    const server = await startServer(t, depot)
    const taskid = await server.export({ fixids: [LARGE] })
    const empty = fillVolume(depot.dataDirectory, 2 * MIB)
    const status = await server.finished(taskid)
    if (status.state === 'error') t.match(status.message, /no space left/i)
    else await depot.checkArchive(t, status.current, [LARGE])
    await noParts(depot)
    const full = await checks(server)
    t.equal(full.code, 503)
    t.match(full.text, /Only \d+ bytes are free/)
    empty()
    t.equal((await checks(server)).code, 200)
    t.equal((await server.finished(await server.export({ fixids: [SMALL] }))).state, 'complete')
    t.equal(server.stderr(), '')
  }
)

t.test(
  'a limit on the size of files fails larger archives only',
  { skip: has('prlimit') ? false : 'needs prlimit' },
  async (t) => {
    const depot = await makeChaosDepot(t, 40 * MIB)
    const server = await startServer(t, { ...depot, runBy: ['prlimit', `--fsize=${12 * MIB}`] })
    for (let round = 0; round < 3; round += 1) {
      t.match(await server.finished(await server.export({ fixids: [LARGE] })), {
        state: 'error',
        message: /no space left/i
      })
      await noParts(depot)
    }
    const small = await server.finished(await server.export({ fixids: [SMALL] }))
    t.equal(small.state, 'complete')
    await depot.checkArchive(t, small.current, [SMALL])
    t.same(await server.stop(), { code: 0, signal: null })
  }
)
