/** Reading the repository: the first time, when every byte is hashed, and again, when nothing has changed. */
import fs from 'node:fs'
import path from 'node:path'
import {
  type Bench,
  type BenchContext,
  describeCommands,
  describeCorpus,
  inMegabytes,
  type Table,
  target
} from './bench.ts'
import type { CorpusName } from './corpus.ts'
import { hasTool } from './facts.ts'
import { type Contender, medianPeakBytes, medianRatio, medianSeconds, type Rounds, runRounds } from './rounds.ts'
import { runProcess, runProgram } from './run-process.ts'
import type { ScanRun } from './scan-directory.ts'
import type { Workspace } from './workspace.ts'

const FIRST = 'fixdepot, first scan'
const HASHING = 'sha256sum, two processes'
const AGAIN = 'fixdepot, scan of unchanged files'

export const benchScan: Bench = async (context) => {
  const first = await measureFirst(context)
  const again = await measureAgain(context)
  const speed = 1 / medianRatio(first.rounds, FIRST, HASHING)
  return {
    tables: [first.table, again.table],
    targets: [
      ...(hasTool('sha256sum')
        ? [target('the first scan reaches 0.8 of the speed of sha256sum in two processes', speed, { atLeast: 0.8 })]
        : []),
      target('a scan of 109,000 unchanged files takes at most 3 s', medianSeconds(again.rounds, AGAIN), { atMost: 3 })
    ]
  }
}

interface Measured {
  readonly rounds: Rounds
  readonly table: Table
}

async function measureFirst(context: BenchContext): Promise<Measured> {
  const { workspace } = context
  const corpus = context.corpus('payloads')
  const database = path.join(workspace.directory, 'scan.db')
  const scan: Contender = {
    name: FIRST,
    command: 'scanRepository() with its pool of threads, SHA-256 and CRC-32',
    run: () => scanOnce(workspace, corpus.directory, database, { isUnchanged: false, filesRead: corpus.files }),
    cleanUp: () => removeDatabase(database)
  }
  return measure(context, 'payloads', 'First scan', [...(hasTool('sha256sum') ? [hashing(context)] : []), scan])
}

function hashing(context: BenchContext): Contender {
  const { workspace } = context
  const command = 'find . -type f -print0 | xargs -0 -n 8 -P 2 sha256sum'
  return {
    name: HASHING,
    command,
    run: () =>
      runProcess(workspace, {
        file: 'sh',
        args: ['-c', `${command} > /dev/null`],
        directory: context.corpus('payloads').directory
      }),
    cleanUp() {}
  }
}

async function measureAgain(context: BenchContext): Promise<Measured> {
  const { workspace } = context
  const corpus = context.corpus('catalog')
  const database = path.join(workspace.directory, 'rescan.db')
  const first = await scanOnce(workspace, corpus.directory, database, { isUnchanged: false, filesRead: corpus.files })
  const scan: Contender = {
    name: AGAIN,
    command: 'scanRepository() on the database of the first scan, in a new process',
    run: () => scanOnce(workspace, corpus.directory, database, { isUnchanged: true, filesRead: 0 }),
    cleanUp() {}
  }
  const { rounds, table } = await measure(context, 'catalog', 'Scan of unchanged files', [scan])
  const note = `The first scan of these files took ${first.seconds.toFixed(1)} s and ${inMegabytes(first.peakBytes)} MB.`
  return { rounds, table: { ...table, notes: [...table.notes, note] } }
}

async function measure(
  context: BenchContext,
  name: CorpusName,
  title: string,
  contenders: readonly Contender[]
): Promise<Measured> {
  const corpus = context.corpus(name)
  const rounds = await runRounds(context.workspace, contenders, context.rounds)
  const table = {
    title: `${title} of \`${name}\` (${describeCorpus(corpus)})`,
    head: ['', 'median s', 'GB/s', 'files/s', 'peak RSS MB'],
    rows: contenders.map((contender) => {
      const seconds = medianSeconds(rounds, contender.name)
      return [
        contender.name,
        seconds.toFixed(2),
        (corpus.bytes / 1e9 / seconds).toFixed(2),
        Math.round(corpus.files / seconds).toLocaleString('en'),
        contender.name === HASHING ? '' : inMegabytes(medianPeakBytes(rounds, contender.name))
      ]
    }),
    notes: describeCommands(context.workspace, contenders)
  }
  return { rounds, table }
}

async function scanOnce(
  workspace: Workspace,
  directory: string,
  database: string,
  expected: Pick<ScanRun, 'isUnchanged' | 'filesRead'>
): Promise<ScanRun & { readonly peakBytes: number }> {
  const run = await runProgram<ScanRun>(workspace, './scan-directory.ts', [directory, database])
  if (run.isUnchanged !== expected.isUnchanged || run.filesRead !== expected.filesRead) {
    throw new Error(`The scan did something else than it was measured for: ${JSON.stringify(run)}`)
  }
  return run
}

function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
}
