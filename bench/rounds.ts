/** Measures several contenders in rotation, so that a slow phase of the machine affects all of them. */
import fs from 'node:fs'
import path from 'node:path'
import type { Finished } from './run-process.ts'
import { runProcess } from './run-process.ts'
import type { Workspace } from './workspace.ts'

export type Run = Pick<Finished, 'seconds' | 'peakBytes'>

export interface Contender {
  readonly name: string
  /** The command, for the report. */
  readonly command: string
  run(): Promise<Run>
  /** Removes the output of a run. */
  cleanUp(): void
}

/** The runs of every contender, by name; the first run of each belongs to the first round and so on. */
export type Rounds = ReadonlyMap<string, readonly Run[]>

/**
 * @param count number of runs of each contender
 * @param outputBytes approximate output of each run
 */
export async function runRounds(
  workspace: Workspace,
  contenders: readonly Contender[],
  count: number,
  outputBytes = 0
): Promise<Rounds> {
  const runs = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < count; round += 1) {
    const first = round % contenders.length
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      await prepareRun(workspace, outputBytes)
      const run = await contender.run()
      contender.cleanUp()
      runs.get(contender.name)?.push(run)
      process.stderr.write(`  ${round + 1}/${count} ${contender.name}: ${run.seconds.toFixed(2)} s\n`)
    }
  }
  return runs
}

/**
 * Flushes the pages of earlier runs, and allocates memory for the next run, so that neither is part of its time.
 * @param bytes approximate output of the next run
 */
export async function prepareRun(workspace: Workspace, bytes: number): Promise<void> {
  await runProcess(workspace, { file: 'sync', args: [] })
  touchMemory(workspace, bytes)
}

/**
 * A virtual machine may return memory that is free for some seconds to its host. To get it again takes several times as
 * long as a copy into it. Each run therefore finds as much allocated memory as its output needs.
 */
function touchMemory(workspace: Workspace, bytes: number): void {
  const file = path.join(workspace.directory, 'scratch')
  const block = Buffer.alloc(4 * 1024 * 1024)
  const fd = fs.openSync(file, 'w')
  for (let done = 0; done < bytes; done += block.length) fs.writeSync(fd, block)
  fs.closeSync(fd)
  fs.rmSync(file)
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
}

export function medianSeconds(rounds: Rounds, name: string): number {
  return median(runsOf(rounds, name).map((run) => run.seconds))
}

/** The median, because the first run may fill caches for the later ones. */
export function medianPeakBytes(rounds: Rounds, name: string): number {
  return median(runsOf(rounds, name).map((run) => run.peakBytes))
}

/** The median over the rounds of the time that one contender took divided by what the other took in the same round. */
export function medianRatio(rounds: Rounds, name: string, unit: string): number {
  const units = runsOf(rounds, unit)
  return median(runsOf(rounds, name).map((run, round) => run.seconds / (units[round]?.seconds ?? Number.NaN)))
}

function runsOf(rounds: Rounds, name: string): readonly Run[] {
  return rounds.get(name) ?? []
}
