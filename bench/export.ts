/** Packing: fixdepot's writer, and a whole export from request to archive, against copies and other packers. */
import fs from 'node:fs'
import path from 'node:path'
import {
  type Bench,
  type BenchContext,
  describeCommands,
  describeCorpus,
  inMegabytes,
  type Table,
  type Target,
  target
} from './bench.ts'
import type { Corpus, CorpusName } from './corpus.ts'
import { watchMemory } from './memory.ts'
import { COPY, createPeers, DURABLE_COPY, installPeers } from './peers.ts'
import { writePlan } from './plan.ts'
import {
  type Contender,
  medianPeakBytes,
  medianRatio,
  medianSeconds,
  type Rounds,
  type Run,
  runRounds
} from './rounds.ts'
import { runProgram } from './run-process.ts'
import { type Server, START_COMMAND, startServer } from './server.ts'

const WRITER = 'fixdepot, writer'
const DURABLE_WRITER = 'fixdepot, writer, durable'
const WHOLE = 'fixdepot, whole export'

export const benchExport: Bench = async (context) => {
  installPeers()
  const firstStart = await measureFirstStart(context)
  const payloads = await measure(context, 'payloads')
  const small = await measure(context, 'small')
  return {
    tables: [{ ...payloads.table, notes: [...payloads.table.notes, firstStart] }, small.table],
    targets: [...payloadTargets(payloads.rounds), ...smallTargets(small.rounds), ...memoryTargets(payloads, small)]
  }
}

/** The server's memory without Node's compile cache. */
async function measureFirstStart({ workspace, corpus }: BenchContext): Promise<string> {
  fs.rmSync(workspace.compileCache, { recursive: true, force: true })
  const server = await startServer(workspace, corpus('payloads').directory)
  const memory = watchMemory(server.pid)
  await server.waitUntilIdle()
  memory.stop()
  await server.stop()
  return `At its very first start, with an empty compile cache, it was ${inMegabytes(memory.peakBytes)} MB.`
}

/** For runs of half a second: the duration of the same copy varies by a factor of two between rounds. */
const MORE_ROUNDS = 2

interface Measured {
  readonly rounds: Rounds
  readonly table: Table
  /** Of the server, from the end of the first scan to the last export. */
  readonly serverPeakBytes: number
}

async function measure(context: BenchContext, name: CorpusName): Promise<Measured> {
  const { workspace, rounds: count } = context
  const corpus = context.corpus(name)
  const server = await startServer(workspace, corpus.directory)
  const scanMemory = watchMemory(server.pid)
  await server.waitUntilIdle()
  scanMemory.stop()
  const memory = watchMemory(server.pid)
  const output = path.join(workspace.directory, 'output.zip')
  const peers = createPeers(workspace, corpus.directory, output)
  const contenders = [...peers.contenders, ...createWriters(context, corpus, output), createWhole(server)]
  const more = name === 'payloads' ? MORE_ROUNDS : 1
  const rounds = await runRounds(workspace, contenders, count * more, corpus.bytes)
  memory.stop()
  await server.stop()
  const table = {
    title: `Export of \`${name}\` (${describeCorpus(corpus)})`,
    head: ['', 'median s', 'GB/s', `× ${COPY}`, `× ${DURABLE_COPY}`, 'peak RSS MB'],
    rows: contenders.map((contender) => [
      contender.name,
      medianSeconds(rounds, contender.name).toFixed(2),
      (corpus.bytes / 1e9 / medianSeconds(rounds, contender.name)).toFixed(2),
      medianRatio(rounds, contender.name, COPY).toFixed(2),
      medianRatio(rounds, contender.name, DURABLE_COPY).toFixed(2),
      inMegabytes(medianPeakBytes(rounds, contender.name))
    ]),
    notes: [
      ...describeCommands(workspace, contenders),
      ...peers.missing.map((peer) => `${peer}: not installed, left out`),
      `Peak RSS of the server during the exports: ${inMegabytes(memory.peakBytes)} MB; during the first scan, with the ` +
        `catalog process: ${inMegabytes(scanMemory.peakBytes)} MB.`
    ]
  }
  return { rounds, table, serverPeakBytes: memory.peakBytes }
}

function createWriters({ workspace }: BenchContext, corpus: Corpus, output: string): Contender[] {
  const planFile = path.join(workspace.directory, 'plan.json')
  writePlan(corpus.directory, planFile)
  const writer = (name: string, ...more: string[]): Contender => ({
    name,
    command: `node bench/pack-with-fixdepot.ts ${[corpus.directory, output, planFile, ...more].join(' ')}`,
    run: () => runProgram<Run>(workspace, './pack-with-fixdepot.ts', [corpus.directory, output, planFile, ...more]),
    cleanUp: () => fs.rmSync(output)
  })
  return [writer(WRITER), writer(DURABLE_WRITER, 'durable')]
}

/** From the request through the plan and the packing to the status that the export is complete. */
function createWhole(server: Server): Contender {
  return {
    name: WHOLE,
    command: `${START_COMMAND}; PUT …?action=export, then GET …/status until it is complete`,
    async run() {
      const memory = watchMemory(server.pid)
      const seconds = await server.exportWhole()
      memory.stop()
      return { seconds, peakBytes: memory.peakBytes }
    },
    cleanUp: server.removeArchives
  }
}

function payloadTargets(rounds: Rounds): Target[] {
  const toCopy = (name: string) => medianRatio(rounds, name, COPY)
  const toDurableCopy = (name: string) => medianRatio(rounds, name, DURABLE_COPY)
  const isFaster = (name: string, times: number) =>
    rounds.has(name)
      ? [
          target(`payloads: the writer is at least ${times} × as fast as ${name}`, medianRatio(rounds, name, WRITER), {
            atLeast: times
          })
        ]
      : []
  return [
    target('payloads: the writer takes at most 1.4 × cp -r', toCopy(WRITER), { atMost: 1.4 }),
    target('payloads: the durable writer takes at most 1.15 × cp -r && sync', toDurableCopy(DURABLE_WRITER), {
      atMost: 1.15
    }),
    target('payloads: a whole export takes at most 1.15 × cp -r && sync', toDurableCopy(WHOLE), { atMost: 1.15 }),
    ...isFaster('archiver', 6),
    ...isFaster('yazl', 6),
    ...isFaster('7z -mx0', 1.4),
    ...['zip -0', 'bsdtar', 'zip-stream', 'client-zip'].flatMap((name) => isFaster(name, 1))
  ]
}

function smallTargets(rounds: Rounds): Target[] {
  if (!rounds.has('zip -0')) return []
  const ratio = medianRatio(rounds, WRITER, 'zip -0')
  return [target('small: the writer takes at most 0.6 × zip -0', ratio, { atMost: 0.6 })]
}

function memoryTargets(...measured: Measured[]): Target[] {
  const megabytes = Math.max(...measured.map(({ serverPeakBytes }) => serverPeakBytes)) / 1e6
  return [target('the server stays under 200 MB of RSS while it exports', megabytes, { atMost: 200 })]
}
