/**
 * Downloading an archive from the real server, from nginx and from @fastify/static: whole, in part, by many, and
 * slowly.
 */
import fs from 'node:fs'
import path from 'node:path'
import { type Bench, type BenchContext, type BenchResult, describeCommands, inMegabytes } from './bench.ts'
import { measureMany } from './download-by-many.ts'
import { measureSlow } from './download-slowly.ts'
import { NGINX, row, type Source, speedTarget, toTable } from './download-source.ts'
import { hasTool } from './facts.ts'
import { watchMemory } from './memory.ts'
import { startNginx } from './nginx.ts'
import { installPeers } from './peers.ts'
import { type Contender, medianPeakBytes, type Rounds, runRounds } from './rounds.ts'
import { runProcess, showCommand } from './run-process.ts'
import { type Server, startServer } from './server.ts'
import { startUntilStopped } from './until-stopped.ts'

const PACKED = 'fixdepot, packed'
const PLANNED = 'fixdepot, /api/v1/archive'
const EARLY = 'fixdepot, /api/v1/exports/{id}/archive'
const MORE_ROUNDS = 2
/** A part of the archive, as a value of the header `Range`. */
interface Part {
  readonly name: string
  readonly range: string
  readonly bytes: number
}

interface Scene {
  readonly context: BenchContext
  readonly server: Server
  readonly sources: readonly Source[]
  /** Of the archive. */
  readonly bytes: number
}

export const benchDownload: Bench = async (context) => {
  for (const tool of ['curl', 'nginx'])
    if (!hasTool(tool)) throw new Error(`The download needs ${tool}, which is not installed`)
  installPeers()
  const { workspace } = context
  const server = await startServer(workspace, context.corpus('payloads').directory)
  await server.waitUntilIdle()
  const name = await server.waitForTask(await server.requestExport())
  // The peers serve the same file, also when the server has removed its own.
  const served = fs.mkdtempSync(path.join(workspace.directory, 'served-'))
  const file = path.join(served, 'archive.zip')
  fs.linkSync(path.join(server.archivesDirectory, name), file)
  const nginx = await startNginx(workspace, file)
  const peer = await startUntilStopped(workspace, './peers/serve-with-fastify-static.ts', [served])
  const { pid, login } = server
  const sources = [
    { name: PACKED, pid, url: `${server.url}?key=export&exportRepoFilename=${name}`, login },
    { name: PLANNED, pid, url: `${server.address}/api/v1/archive?all=true`, login },
    { name: NGINX, pid: nginx.pid, url: nginx.url, login: '' },
    { name: '@fastify/static', pid: peer.pid, url: `${peer.line}/archive.zip`, login: '' }
  ]
  const scene = { context, server, sources, bytes: fs.statSync(file).size }
  const one = await measureOne(scene)
  const many = await measureMany(context, sources, scene.bytes, medianPeakBytes(one.rounds, `${PACKED}, whole`))
  const early = await measureEarly(scene)
  await Promise.all([nginx.stop(), peer.stop(), server.stop()])
  fs.rmSync(served, { recursive: true })
  const results: BenchResult[] = [one, early, many, await measureSlow(context)]
  return {
    tables: results.flatMap(({ tables }) => tables),
    targets: results.flatMap(({ targets }) => targets)
  }
}

async function measureOne(scene: Scene): Promise<BenchResult & { readonly rounds: Rounds }> {
  const { context, sources, bytes } = scene
  const parts = [partOf('whole', 0, bytes - 1), partOf('range', Math.floor(bytes / 4), Math.floor((3 * bytes) / 4))]
  const contenders = parts.flatMap((part) => sources.map((source) => createDownload(context, source, part)))
  // Short runs, so that more of them are possible.
  const rounds = await runRounds(context.workspace, contenders, context.rounds * MORE_ROUNDS)
  const rows = parts.flatMap((part) =>
    sources.map(({ name }) => row(rounds, `${name}, ${part.name}`, `${NGINX}, ${part.name}`, part.bytes))
  )
  return {
    rounds,
    tables: [
      toTable(`Download of an archive of ${inMegabytes(bytes)} MB over loopback`, rows, [
        ...describeCommands(context.workspace, contenders),
        'nginx: one process, sendfile on; @fastify/static: one process; the same file. ' +
          '/api/v1/archive: the same bytes, made of the repository while they are sent'
      ])
    ],
    targets: parts.flatMap((part) =>
      [PACKED, PLANNED].map((name) => speedTarget(rounds, `${name}, ${part.name}`, `${NGINX}, ${part.name}`))
    )
  }
}

/** Concurrent packing uses a part of the machine: nginx is measured during the same packing. */
async function measureEarly(scene: Scene): Promise<BenchResult> {
  const { context, server, sources, bytes } = scene
  const whole = partOf('whole', 0, bytes - 1)
  const nginx = sources.find(({ name }) => name === NGINX)
  if (nginx === undefined) throw new Error('There is no nginx')
  const beside = (name: string, command: string, urlOf: (id: number) => Source): Contender => ({
    name,
    command,
    async run() {
      server.removeArchives()
      const id = await server.requestExport()
      const run = await createDownload(context, urlOf(id), whole).run()
      await server.waitForTask(id)
      return run
    },
    cleanUp: server.removeArchives
  })
  const archiveOf = (id: number) => ({
    name: EARLY,
    pid: server.pid,
    url: `${server.address}/api/v1/exports/${id}/archive`,
    login: server.login
  })
  const contenders = [
    beside(
      `${EARLY}, while it is packed`,
      'curl … /api/v1/exports/{id}/archive, at once after PUT …?action=export',
      archiveOf
    ),
    beside(`${NGINX}, beside the same packing`, 'curl … archive.zip, at once after PUT …?action=export', () => nginx)
  ]
  const [early, other] = contenders.map(({ name }) => name)
  const rounds = await runRounds(context.workspace, contenders, context.rounds)
  return {
    tables: [
      toTable(
        'Download of an archive that is being packed',
        contenders.map(({ name }) => row(rounds, name, other ?? '', bytes)),
        describeCommands(context.workspace, contenders)
      )
    ],
    targets: [speedTarget(rounds, early ?? '', other ?? '')]
  }
}

function partOf(name: string, start: number, end: number): Part {
  return { name, range: name === 'whole' ? '' : `${start}-${end}`, bytes: end - start + 1 }
}

function createDownload({ workspace }: BenchContext, { name, pid, url, login }: Source, part: Part): Contender {
  const range = part.range === '' ? [] : ['--range', part.range]
  const user = login === '' ? [] : ['--user', login]
  const args = ['--silent', '--output', '/dev/null', ...user, ...range, url]
  const report = ['--write-out', '%{http_code} %{size_download} %{time_total}']
  return {
    name: `${name}, ${part.name}`,
    command: showCommand({ file: 'curl', args }),
    async run() {
      const memory = watchMemory(pid)
      const { output } = await runProcess(workspace, { file: 'curl', args: [...report, ...args] })
      memory.stop()
      const [code, bytes, seconds] = output.split(' ').map(Number)
      if (code !== (part.range === '' ? 200 : 206) || bytes !== part.bytes) {
        throw new Error(`${url} was answered with ${code} and ${bytes} bytes`)
      }
      return { seconds: seconds ?? Number.NaN, peakBytes: memory.peakBytes }
    },
    cleanUp() {}
  }
}
