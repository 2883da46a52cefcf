/** Programs that pack or copy a directory, for comparison with fixdepot. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { hasTool, PEERS_DIRECTORY, packageVersion, pinnedPackages } from './facts.ts'
import type { Contender, Run } from './rounds.ts'
import { type Command, runProcess, runProgram, showCommand } from './run-process.ts'
import type { Workspace } from './workspace.ts'

export const COPY = 'cp -r'
export const DURABLE_COPY = 'cp -r && sync'

/** Installs the peers from npm, unless their pinned versions are installed. */
export function installPeers(): void {
  const missing = Object.entries(pinnedPackages()).filter(([name, version]) => packageVersion(name) !== version)
  if (missing.length === 0) return
  process.stderr.write(`  installing ${missing.map(([name]) => name).join(', ')} into bench/peers\n`)
  const { status, stderr } = spawnSync('npm', ['ci'], { cwd: PEERS_DIRECTORY, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ci in bench/peers failed: ${stderr}`)
}

export interface Peers {
  readonly contenders: readonly Contender[]
  /** Names of the peers that are not installed. */
  readonly missing: readonly string[]
}

/** Packers that store every file. @param output file to write; it must not exist */
export function createPeers(workspace: Workspace, source: string, output: string): Peers {
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
  const installed = createTools(workspace, tools, output)
  const program = (name: string, what: string) => createProgram(workspace, name, what, [source, output])
  return {
    contenders: [
      ...createCopies(workspace, source, output, COPY, DURABLE_COPY),
      ...installed.contenders,
      program('archiver', 'new ZipArchive({ store: true }).directory(…)'),
      program('yazl', 'new ZipFile().addFile(…, { compress: false })'),
      program('zip-stream', 'new ZipStream({ store: true }).entry(…)'),
      program('client-zip', 'makeZip(…)')
    ],
    missing: installed.missing
  }
}

/** A copy of a file or a directory, and a durable one. */
export function createCopies(
  workspace: Workspace,
  source: string,
  output: string,
  name: string,
  durableName: string
): Contender[] {
  const copy = { file: 'cp', args: ['-r', source, output] }
  return [
    createCommands(workspace, name, [copy], output),
    createCommands(workspace, durableName, [copy, { file: 'sync', args: [] }], output)
  ]
}

interface Tool extends Command {
  readonly name: string
}

function createTools(workspace: Workspace, tools: readonly Tool[], output: string): Peers {
  const installed = tools.filter(({ file }) => hasTool(file))
  return {
    contenders: installed.map(({ name, ...command }) => createCommands(workspace, name, [command], output)),
    missing: tools.filter((tool) => !installed.includes(tool)).map(({ name }) => name)
  }
}

function createCommands(workspace: Workspace, name: string, steps: readonly Command[], output: string): Contender {
  return {
    name,
    command: steps.map(showCommand).join(' && '),
    run: () => runSteps(workspace, steps),
    cleanUp: () => fs.rmSync(output, { recursive: true, force: true })
  }
}

function createProgram(workspace: Workspace, name: string, command: string, args: [string, string]): Contender {
  const [, output] = args
  return {
    name,
    command,
    run: () => runProgram<Run>(workspace, `./peers/pack-with-${name}.ts`, args),
    cleanUp: () => fs.rmSync(output)
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
