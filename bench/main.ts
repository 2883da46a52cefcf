/** `npm run bench`: how fast fixdepot is, against named peers. Ends with code 1 when a target is missed. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Bench, createContext, type Picture, type Target } from './bench.ts'
import { benchCatalog } from './catalog.ts'
import { benchCluster } from './cluster.ts'
import { benchDownload } from './download.ts'
import { benchExport } from './export.ts'
import { machineFacts, peerVersions } from './facts.ts'
import { benchPostgres } from './postgres.ts'
import { showFacts, showPicture, showTable, showTargets } from './report.ts'
import { benchScale } from './scale.ts'
import { benchScan } from './scan.ts'
import { benchStatus } from './status.ts'
import { benchUpload } from './upload.ts'
import { createWorkspace } from './workspace.ts'

const BENCHES: Readonly<Record<string, Bench>> = {
  export: benchExport,
  scan: benchScan,
  catalog: benchCatalog,
  postgres: benchPostgres,
  status: benchStatus,
  download: benchDownload,
  upload: benchUpload,
  scale: benchScale,
  cluster: benchCluster
}

const RESULTS_FILE = path.join(import.meta.dirname, 'RESULTS.md')

const USAGE = `Usage: npm run bench -- [options] [${Object.keys(BENCHES).join('|')} ...]

Measures fixdepot and its peers, all of it or the named parts, and prints tables in Markdown.
It takes about half an hour and, for the steps of scale, 60 GB of disk for a while; without scale 10 GB will do, and what the disk
has no room for is left out and named. It leaves nothing behind but the peers in bench/peers/node_modules.

  --dir DIR    where to put the corpora; on the disk that is to be measured (default: ${os.tmpdir()})
  --rounds N   how many times everything is measured (default: 3)
  --quick      everything small, in a few minutes, to try the bench itself; targets are not judged
  --write      write what it prints to bench/RESULTS.md as well, and its picture to bench/scale.svg
  --help       show this text
`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dir: { type: 'string', default: os.tmpdir() },
      rounds: { type: 'string', default: '3' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  const rounds = Number(values.rounds)
  const unknown = positionals.filter((name) => !Object.hasOwn(BENCHES, name))
  if (values.help || unknown.length > 0 || !(Number.isInteger(rounds) && rounds > 0)) {
    process.stdout.write(USAGE)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
  const { report, pictures, missed } = await runBenches(names, values.dir, { rounds, isQuick: values.quick })
  if (values.write) {
    fs.writeFileSync(RESULTS_FILE, report)
    for (const { file, svg } of pictures) fs.writeFileSync(path.join(import.meta.dirname, file), svg)
  }
  if (missed.length === 0) return
  process.stderr.write(`Missed:\n${missed.map(({ promise, figure }) => `  ${promise}: ${figure}\n`).join('')}`)
  process.exitCode = 1
}

/** Prints tables as they come. @returns all that was printed, its pictures, and the targets that were missed */
async function runBenches(
  names: readonly string[],
  directory: string,
  options: { rounds: number; isQuick: boolean }
): Promise<{ report: string; pictures: readonly Picture[]; missed: Target[] }> {
  const workspace = createWorkspace(directory)
  const context = createContext(workspace, options)
  const targets: Target[] = []
  const pictures: Picture[] = []
  const lines: string[] = []
  const print = (text: string) => {
    lines.push(text)
    process.stdout.write(text)
  }
  print(`${showFacts(machineFacts(workspace.directory))}\n`)
  for (const name of names) {
    process.stderr.write(`${name}\n`)
    const result = await BENCHES[name]?.(context)
    for (const picture of result?.pictures ?? []) print(`${showPicture(picture)}\n`)
    pictures.push(...(result?.pictures ?? []))
    for (const table of result?.tables ?? []) print(`${showTable(table)}\n`)
    targets.push(...(result?.targets ?? []))
  }
  print(`${showTargets(targets, !options.isQuick)}\n${peerVersions()}\n`)
  return { report: lines.join(''), pictures, missed: options.isQuick ? [] : targets.filter(({ isMet }) => !isMet) }
}

await main()
