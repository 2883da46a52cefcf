/** Downloading an archive, whole and in part, from the real server and from nginx. */
import fs from 'node:fs'
import path from 'node:path'
import { type Bench, type BenchContext, describeCommands, inMegabytes, type Target, target } from './bench.ts'
import type { Corpus } from './corpus.ts'
import { hasTool } from './facts.ts'
import { watchMemory } from './memory.ts'
import { type Nginx, startNginx } from './nginx.ts'
import { type Contender, medianPeakBytes, medianRatio, medianSeconds, type Rounds, runRounds } from './rounds.ts'
import { runProcess, showCommand } from './run-process.ts'
import { startServer } from './server.ts'

const ARCHIVE_BYTES = 1_000_000_000
const MORE_ROUNDS = 3

/** A part of the archive, as the header says it. */
interface Part {
  readonly name: string
  readonly range: string
  readonly bytes: number
}

interface Source {
  readonly name: string
  readonly pid: number
  readonly url: string
  readonly login: readonly string[]
}

export const benchDownload: Bench = async (context) => {
  if (!hasTool('curl')) throw new Error('The download is measured with curl, which is not installed')
  const { workspace, rounds: count } = context
  const corpus = context.corpus('payloads')
  const server = await startServer(workspace, corpus.directory)
  await server.waitUntilIdle()
  const name = await server.waitForTask(await server.requestExport(fixidsOf(corpus)))
  const file = path.join(server.archivesDirectory, name)
  const { size } = fs.statSync(file)
  const nginx = hasTool('nginx') ? await startNginx(workspace, file) : undefined

  const parts = [partOf('whole', 0, size - 1), partOf('range', Math.floor(size / 4), Math.floor((3 * size) / 4))]
  const own = {
    name: 'fixdepot',
    pid: server.pid,
    url: `${server.url}?key=export&exportRepoFilename=${name}`,
    login: ['--user', server.login]
  }
  const sources: Source[] = [own, ...(nginx === undefined ? [] : [nginxSource(nginx)])]
  const pairs = parts.flatMap((part) =>
    sources.map((source) => ({ part, source, name: `${source.name}, ${part.name}` }))
  )
  const contenders = pairs.map(({ part, source }) => createDownload(context, source, part))
  // Short runs: more of them cost little.
  const rounds = await runRounds(workspace, contenders, count * MORE_ROUNDS)
  await nginx?.stop()
  await server.stop()

  return {
    tables: [
      {
        title: `Download of an archive of ${inMegabytes(size)} MB over loopback`,
        head: ['', 'median s', 'GB/s', 'of nginx', 'peak RSS MB'],
        rows: pairs.map(({ part, source, name }) => [
          name,
          medianSeconds(rounds, name).toFixed(2),
          (part.bytes / 1e9 / medianSeconds(rounds, name)).toFixed(2),
          source === own && nginx !== undefined ? speedOf(rounds, part).toFixed(2) : '',
          inMegabytes(medianPeakBytes(rounds, name))
        ]),
        notes: [
          ...describeCommands(workspace, contenders),
          nginx === undefined ? 'nginx: not installed, left out' : 'nginx: one process, sendfile on, the same file'
        ]
      }
    ],
    targets: nginx === undefined ? [] : parts.map((part) => toTarget(rounds, part))
  }
}

/** Packages enough for an archive of the wanted size, or all there are. */
function fixidsOf({ packages }: Corpus): string[] {
  let bytes = 0
  const enough = packages.findIndex((item) => {
    bytes += item.bytes
    return bytes >= ARCHIVE_BYTES
  })
  return packages.slice(0, enough === -1 ? undefined : enough + 1).map((item) => item.fixid)
}

function partOf(name: string, start: number, end: number): Part {
  return { name, range: name === 'whole' ? '' : `${start}-${end}`, bytes: end - start + 1 }
}

function nginxSource({ pid, url }: Nginx): Source {
  return { name: 'nginx', pid, url, login: [] }
}

function createDownload({ workspace }: BenchContext, source: Source, part: Part): Contender {
  const range = part.range === '' ? [] : ['--range', part.range]
  const args = ['--silent', '--output', '/dev/null', ...source.login, ...range, source.url]
  const report = ['--write-out', '%{http_code} %{size_download} %{time_total}']
  return {
    name: `${source.name}, ${part.name}`,
    command: showCommand({ file: 'curl', args }),
    async run() {
      const memory = watchMemory(source.pid)
      const { output } = await runProcess(workspace, { file: 'curl', args: [...report, ...args] })
      memory.stop()
      const [code, bytes, seconds] = output.split(' ').map(Number)
      if (code !== (part.range === '' ? 200 : 206) || bytes !== part.bytes) {
        throw new Error(`${source.url} was answered with ${code} and ${bytes} bytes`)
      }
      return { seconds: seconds ?? Number.NaN, peakBytes: memory.peakBytes }
    },
    cleanUp() {}
  }
}

function speedOf(rounds: Rounds, { name }: Part): number {
  return 1 / medianRatio(rounds, `fixdepot, ${name}`, `nginx, ${name}`)
}

function toTarget(rounds: Rounds, part: Part): Target {
  return target(`download, ${part.name}: at least 0.6 of the speed of nginx`, speedOf(rounds, part), { atLeast: 0.6 })
}
