/** Everybody who packs a directory into an archive, or copies it, to be compared with fixdepot. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { hasTool, PEERS_DIRECTORY, packageVersion, pinnedPackages } from './facts.ts'
import type { Contender, Run } from './rounds.ts'
import { type Command, runProcess, runProgram, showCommand } from './run-process.ts'
import type { Workspace } from './workspace.ts'

export const COPY = 'cp -r'
export const DURABLE_COPY = 'cp -r && sync'

/** Installs the peers that come from npm, unless they are there in the pinned versions. */
export function installPeers(): void {
  const missing = Object.entries(pinnedPackages()).filter(([name, version]) => packageVersion(name) !== version)
  if (missing.length === 0) return
  process.stderr.write(`  installing ${missing.map(([name]) => name).join(', ')} into bench/peers\n`)
  const { status, stderr } = spawnSync('npm', ['ci'], { cwd: PEERS_DIRECTORY, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ci in bench/peers failed: ${stderr}`)
}

export interface Peers {
  readonly contenders: readonly Contender[]
  /** Names of those that are not installed. */
  readonly missing: readonly string[]
}

/** @param output where they write to; nothing is there */
export function createPeers(workspace: Workspace, source: string, output: string): Peers {
  const cleanUp = () => fs.rmSync(output, { recursive: true, force: true })
  const commands = (name: string, ...steps: Command[]): Contender => ({
    name,
    command: steps.map(showCommand).join(' && '),
    run: () => runSteps(workspace, steps),
    cleanUp
  })
  const program = (name: string, what: string): Contender => ({
    name,
    command: what,
    run: () => runProgram<Run>(workspace, `./peers/pack-with-${name}.ts`, [source, output]),
    cleanUp
  })
  const copy = { file: 'cp', args: ['-r', source, output] }
  const tools = [
    { name: 'zip -0', file: 'zip', args: ['-0', '-r', '-q', output, '.'], directory: source },
    { name: '7z -mx0', file: '7z', args: ['a', '-tzip', '-mx0', '-mmt', output, '.'], directory: source },
    {
      name: 'bsdtar',
      file: 'bsdtar',
      args: ['-c', '-f', output, '--format', 'zip', '--options', 'zip:compression=store', '.'],
      directory: source
    }
  ]
  return {
    contenders: [
      commands(COPY, copy),
      commands(DURABLE_COPY, copy, { file: 'sync', args: [] }),
      ...tools.filter(({ file }) => hasTool(file)).map(({ name, ...command }) => commands(name, command)),
      program('archiver', 'new ZipArchive({ store: true }).directory(…)'),
      program('yazl', 'new ZipFile().addFile(…, { compress: false })'),
      program('zip-stream', 'new ZipStream({ store: true }).entry(…)'),
      program('client-zip', 'makeZip(…)')
    ],
    missing: tools.filter(({ file }) => !hasTool(file)).map(({ name }) => name)
  }
}

async function runSteps(workspace: Workspace, steps: readonly Command[]): Promise<Run> {
  let seconds = 0
  let peakBytes = 0
  for (const step of steps) {
    const finished = await runProcess(workspace, step)
    seconds += finished.seconds
    peakBytes = Math.max(peakBytes, finished.peakBytes)
  }
  return { seconds, peakBytes }
}
