/** The machine and the versions of all programs, on which the figures depend. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Command line tools, and their option for the version. */
const TOOLS: Readonly<Record<string, readonly string[]>> = {
  cp: ['--version'],
  zip: ['-v'],
  '7z': [],
  bsdtar: ['--version'],
  sha256sum: ['--version'],
  curl: ['--version'],
  nginx: ['-v']
}

/** A folder with a package.json of its own, in which the peers from npm are installed. */
export const PEERS_DIRECTORY = path.join(import.meta.dirname, 'peers')

/** Whether the tool is installed. */
export function hasTool(name: string): boolean {
  return askVersion(name) !== undefined
}

/** Lines about the machine. @param directory where the bench works */
export function machineFacts(directory: string): string[] {
  const [cpu] = os.cpus()
  const fileSystem = execFileSync('df', ['--output=fstype,source', directory], { encoding: 'utf8' }).split('\n')[1]
  return [
    `${os.availableParallelism()} cores, ${cpu?.model.trim()}, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB of memory`,
    `${os.type()} ${os.release()}, files on ${fileSystem?.replace(/\s+/, ' ')}`,
    `Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`
  ]
}

/** A line with the versions of all peers. */
export function peerVersions(): string {
  const tools = Object.keys(TOOLS).map((name) => `${name} ${askVersion(name) ?? 'missing'}`)
  const packages = Object.keys(pinnedPackages()).map((name) => `${name} ${packageVersion(name)}`)
  return [...tools, ...packages].join(', ')
}

function askVersion(name: string): string | undefined {
  const { error, stdout, stderr } = spawnSync(name, TOOLS[name] ?? [], { encoding: 'utf8' })
  return error === undefined ? (/\d+(\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'of unknown version') : undefined
}

/** The peers from npm, with the versions that are compared. */
export function pinnedPackages(): Readonly<Record<string, string>> {
  return JSON.parse(fs.readFileSync(path.join(PEERS_DIRECTORY, 'package.json'), 'utf8')).dependencies
}

/** The version of a peer from npm that is installed, or `not installed`. */
export function packageVersion(name: string): string {
  const file = path.join(PEERS_DIRECTORY, 'node_modules', name, 'package.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).version : 'not installed'
}
