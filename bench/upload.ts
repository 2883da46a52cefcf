/**
 * Sending a package of a gigabyte to the real server, until it is in the catalog, and the same to nginx, until it is
 * stored: once as the form that clients of the repository send, and once as a bare file.
 */
import { randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type Bench, type BenchContext, describeCommands, inMegabytes, target } from './bench.ts'
import { hasTool } from './facts.ts'
import { watchMemory } from './memory.ts'
import { type Nginx, startNginx } from './nginx.ts'
import { type Contender, median, medianPeakBytes, medianRatio, medianSeconds, runRounds } from './rounds.ts'
import { runProcess, showCommand } from './run-process.ts'
import { type Server, startServer } from './server.ts'
import type { Workspace } from './workspace.ts'

const PAYLOAD_BYTES = 1_000_000_000
const QUICK_BYTES = 10_000_000
const MORE_ROUNDS = 2
const BLOCK_BYTES = 4 * 1024 * 1024
const FIXID = 'lnvgy_fw_uefi_bench-1.00_anyos_32-64'
const FORM = 'nginx, the same form'
const FILE = 'nginx, a bare file'
const SYNCED = 'nginx, a bare file, and sync'

export const benchUpload: Bench = async (context) => {
  for (const tool of ['curl', 'nginx'])
    if (!hasTool(tool)) throw new Error(`The upload needs ${tool}, which is not installed`)
  const { workspace, rounds: count, isQuick } = context
  const files = writePackage(workspace, isQuick ? QUICK_BYTES : PAYLOAD_BYTES)
  const repository = fs.mkdtempSync(path.join(workspace.directory, 'imports-'))
  const server = await startServer(workspace, repository)
  await server.waitUntilIdle()
  const nginx = await startNginx(workspace, files.payload)
  const serverPeaks: number[] = []
  const contenders = [
    importInto(context, server, files, serverPeaks),
    storeForm(context, nginx, files),
    ...storeIn(context, nginx, files.payload)
  ]
  const rounds = await runRounds(workspace, contenders, count * MORE_ROUNDS)
  await nginx.stop()
  await server.stop()

  const bytes = fs.statSync(files.payload).size
  const speed = (peer: string) => 1 / medianRatio(rounds, 'fixdepot', peer)
  const serverPeak = median(serverPeaks)
  return {
    tables: [
      {
        title: `Upload of a package of ${inMegabytes(bytes)} MB over loopback`,
        head: ['', 'median s', 'GB/s', 'fixdepot is', 'peak RSS MB'],
        rows: contenders.map(({ name }) => [
          name,
          medianSeconds(rounds, name).toFixed(2),
          (bytes / 1e9 / medianSeconds(rounds, name)).toFixed(2),
          name === 'fixdepot' ? '' : `${speed(name).toFixed(2)} x as fast`,
          inMegabytes(medianPeakBytes(rounds, name))
        ]),
        notes: [
          ...describeCommands(workspace, contenders),
          'fixdepot: until the digests are computed, the bytes are durable, and the package is in the catalog',
          `The server process itself: ${inMegabytes(serverPeak)} MB; the rest is the catalog process, which exits after the import`,
          'nginx: until the bytes are stored; with sync, until they are durable, as with fixdepot',
          'A plain file costs curl less than a form'
        ]
      }
    ],
    targets: [
      target('upload: at least 0.8 of the speed of nginx that stores it durably', speed(SYNCED), { atLeast: 0.8 }),
      target('upload: RSS of the server at most 200 MB', serverPeak / 1e6, { atMost: 200 })
    ]
  }
}

interface PackageFiles {
  readonly metadata: string
  readonly payload: string
}

function writePackage({ directory }: Workspace, bytes: number): PackageFiles {
  const place = fs.mkdtempSync(path.join(directory, 'package-'))
  const files = { metadata: path.join(place, `${FIXID}.xml`), payload: path.join(place, `${FIXID}.uxz`) }
  const property = (name: string, value: string) => `<PROPERTY NAME="${name}"><VALUE>${value}</VALUE></PROPERTY>`
  fs.writeFileSync(
    files.metadata,
    `<INSTANCE>${property('fixid', FIXID)}${property('payload', `${FIXID}.uxz`)}</INSTANCE>`
  )
  const fd = fs.openSync(files.payload, 'w')
  const block = randomFillSync(Buffer.alloc(BLOCK_BYTES))
  for (let left = bytes; left > 0; left -= BLOCK_BYTES) fs.writeSync(fd, block, 0, Math.min(left, BLOCK_BYTES))
  fs.closeSync(fd)
  return files
}

/** @param serverPeaks takes the memory of the server's own process, run by run */
function importInto(
  { workspace }: BenchContext,
  server: Server,
  { metadata, payload }: PackageFiles,
  serverPeaks: number[]
): Contender {
  const url = new URL('/files/updateRepositories/firmware/import', server.url).href
  const args = ['--silent', '--output', '/dev/null', '--user', server.login, ...formOf({ metadata, payload }), url]
  return {
    name: 'fixdepot',
    command: showCommand({ file: 'curl', args }),
    async run() {
      const memory = watchMemory(server.pid)
      const seconds = await timeCurl(workspace, args, 200)
      memory.stop()
      serverPeaks.push(memory.ownPeakBytes)
      await server.deletePackage(FIXID)
      await server.waitUntilIdle()
      return { seconds, peakBytes: memory.peakBytes }
    },
    cleanUp() {}
  }
}

function formOf({ metadata, payload }: PackageFiles): string[] {
  return [metadata, payload].flatMap((file) => ['--form', `uploadedfiles[]=@${file}`])
}

function storeForm({ workspace }: BenchContext, nginx: Nginx, files: PackageFiles): Contender {
  const args = ['--silent', '--output', '/dev/null', ...formOf(files), nginx.formUrl]
  return {
    name: FORM,
    command: showCommand({ file: 'curl', args }),
    async run() {
      const memory = watchMemory(nginx.pid)
      const seconds = await timeCurl(workspace, args, 201)
      memory.stop()
      return { seconds, peakBytes: memory.peakBytes }
    },
    cleanUp() {
      for (const name of fs.readdirSync(nginx.formDirectory)) fs.rmSync(path.join(nginx.formDirectory, name))
    }
  }
}

/** nginx with its defaults, and with a flush to the disk, so that an upload survives a loss of power. */
function storeIn({ workspace }: BenchContext, nginx: Nginx, payload: string): Contender[] {
  const stored = path.join(nginx.uploadDirectory, path.basename(payload))
  const args = ['--silent', '--output', '/dev/null', '--upload-file', payload, nginx.uploadUrl]
  return [false, true].map((isSynced) => ({
    name: isSynced ? SYNCED : FILE,
    command: `${showCommand({ file: 'curl', args })}${isSynced ? ` && sync ${stored}` : ''}`,
    async run() {
      const memory = watchMemory(nginx.pid)
      const started = performance.now()
      const seconds = await timeCurl(workspace, args, 201)
      if (isSynced) await runProcess(workspace, { file: 'sync', args: [stored] })
      memory.stop()
      return { seconds: isSynced ? (performance.now() - started) / 1000 : seconds, peakBytes: memory.peakBytes }
    },
    cleanUp: () => fs.rmSync(stored)
  }))
}

async function timeCurl(workspace: Workspace, args: readonly string[], expected: number): Promise<number> {
  const report = ['--write-out', '%{http_code} %{time_total}']
  const { output } = await runProcess(workspace, { file: 'curl', args: [...report, ...args] })
  const [code, seconds] = output.split(' ').map(Number)
  if (code !== expected) throw new Error(`An upload was answered with ${code}`)
  return seconds ?? Number.NaN
}
