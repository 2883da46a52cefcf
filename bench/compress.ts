/**
 * What can be compressed: packing it the first time, with all that is done once for the repository, and every time after that,
 * against packers that compress each time anew.
 */
import fs from 'node:fs'
import path from 'node:path'
import {
  type Bench,
  type BenchContext,
  describeCommands,
  describeCorpus,
  inMegabytes,
  type Target,
  target
} from './bench.ts'
import { watchMemory } from './memory.ts'
import { createCompressingPeers, createCopies, installPeers, type Peers } from './peers.ts'
import { type Contender, medianPeakBytes, medianRatio, medianSeconds, type Rounds, runRounds } from './rounds.ts'
import { type Server, START_COMMAND, startServer } from './server.ts'

const FIRST = 'fixdepot, first scan and first export'
const LATER = 'fixdepot, later export'
const COPY = 'cp of the archive'
const DURABLE_COPY = 'cp of the archive && sync'
/** They take a blink, and the packers ten seconds: in turns with one another, and more often. */
const LATER_ROUNDS = 5
const SETTINGS = { FIXDEPOT_COMPRESSION: 'auto' }

export const benchCompress: Bench = async (context) => {
  installPeers()
  const { workspace, rounds: count } = context
  const corpus = context.corpus('images')
  const sizes = new Map<string, number>()
  const output = path.join(workspace.directory, 'output.zip')
  const server = await startServer(workspace, corpus.directory, SETTINGS)
  await server.waitUntilIdle()
  const archive = await keepArchive(context, server)
  const peers = weighed(createCompressingPeers(workspace, corpus.directory, output), output, sizes)
  const packers = [...peers.contenders, createFirst(context, sizes)]
  const copies = [...createCopies(workspace, archive, output, COPY, DURABLE_COPY), createLater(server, sizes)]
  const contenders = [...packers, ...copies]
  const rounds = new Map([
    ...(await runRounds(workspace, packers, count, corpus.bytes)),
    ...(await runRounds(workspace, copies, count * LATER_ROUNDS, corpus.bytes))
  ])
  await server.stop()
  fs.rmSync(archive)
  return {
    tables: [
      {
        title: `Export of \`images\` (${describeCorpus(corpus)}), which can be compressed`,
        head: ['', 'median s', 'MB/s', '× zip -6', `× ${COPY}`, `× ${DURABLE_COPY}`, 'archive MB', 'peak RSS MB'],
        rows: contenders.map(({ name }) => [
          name,
          medianSeconds(rounds, name).toFixed(2),
          (corpus.bytes / 1e6 / medianSeconds(rounds, name)).toFixed(0),
          (medianSeconds(rounds, name) / medianSeconds(rounds, 'zip -6')).toFixed(2),
          ...[COPY, DURABLE_COPY].map((unit) =>
            copies.some((copy) => copy.name === name) ? medianRatio(rounds, name, unit).toFixed(2) : ''
          ),
          sizes.has(name) ? inMegabytes(sizes.get(name) ?? 0) : '',
          inMegabytes(medianPeakBytes(rounds, name))
        ]),
        notes: [
          ...describeCommands(workspace, contenders),
          ...peers.missing.map((peer) => `${peer}: not installed, left out`),
          'First: of a server that runs, and had an empty repository until then. The file that is copied is the archive that ' +
            'fixdepot has made.'
        ]
      }
    ],
    targets: toTargets(rounds, sizes)
  }
}

/** The archive of the first export, outside of the server's directory. */
async function keepArchive({ workspace }: BenchContext, server: Server): Promise<string> {
  const name = await server.waitForTask(await server.requestExport())
  const kept = path.join(workspace.directory, 'copied.zip')
  fs.renameSync(path.join(server.archivesDirectory, name), kept)
  return kept
}

/** Notes the size of what each of them has written. */
function weighed({ contenders, missing }: Peers, output: string, sizes: Map<string, number>): Peers {
  const weigh = (contender: Contender): Contender => ({
    ...contender,
    cleanUp() {
      sizes.set(contender.name, fs.statSync(output).size)
      contender.cleanUp()
    }
  })
  return { contenders: contenders.map(weigh), missing }
}

function createFirst(context: BenchContext, sizes: Map<string, number>): Contender {
  const { workspace, corpus } = context
  return {
    name: FIRST,
    command: `FIXDEPOT_COMPRESSION=auto ${START_COMMAND}; PUT …?action=read, until it is complete; PUT …?action=export, until it is complete`,
    async run() {
      const { directory } = corpus('images')
      const repository = fs.mkdtempSync(path.join(workspace.directory, 'repository-'))
      const server = await startServer(workspace, repository, SETTINGS)
      await server.waitUntilIdle()
      fs.rmdirSync(repository)
      fs.renameSync(directory, repository)
      const memory = watchMemory(server.pid)
      const seconds = (await server.readAgain()) + (await server.exportWhole())
      memory.stop()
      sizes.set(FIRST, bytesIn(server.archivesDirectory))
      await server.stop()
      fs.renameSync(repository, directory)
      return { seconds, peakBytes: memory.peakBytes }
    },
    cleanUp() {}
  }
}

function createLater(server: Server, sizes: Map<string, number>): Contender {
  return {
    name: LATER,
    command: 'a server that has done this; PUT …?action=export, then GET …/status until it is complete',
    async run() {
      const memory = watchMemory(server.pid)
      const seconds = await server.exportWhole()
      memory.stop()
      return { seconds, peakBytes: memory.peakBytes }
    },
    cleanUp() {
      sizes.set(LATER, bytesIn(server.archivesDirectory))
      server.removeArchives()
    }
  }
}

function bytesIn(directory: string): number {
  return fs.readdirSync(directory).reduce((sum, name) => sum + fs.statSync(path.join(directory, name)).size, 0)
}

function toTargets(rounds: Rounds, sizes: ReadonlyMap<string, number>): Target[] {
  const later = (unit: string) => medianRatio(rounds, LATER, unit)
  const copied = [
    target('images: a later export takes at most 1.4 × cp of the archive', later(COPY), { atMost: 1.4 }),
    target('images: a later export takes at most 1.15 × cp of the archive && sync', later(DURABLE_COPY), {
      atMost: 1.15
    })
  ]
  if (!rounds.has('zip -6')) return copied
  const size = (sizes.get(FIRST) ?? Number.NaN) / (sizes.get('zip -6') ?? Number.NaN)
  return [
    target('images: first scan and export are at least 2.8 × as fast as zip -6', medianRatio(rounds, 'zip -6', FIRST), {
      atLeast: 2.8
    }),
    target('images: the archive is at most 1.03 × as large as that of zip -6', size, { atMost: 1.03 }),
    ...copied
  ]
}
