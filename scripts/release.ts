/**
 * Makes a release: the package, its bills of materials in two formats, and the digests of all three.
 *
 * Usage: npm run release -- [DIRECTORY] (default: `release/VERSION`). The directory must not exist.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { readJson } from './read-json.ts'

const BILL_BYTES = 64 * 1024 * 1024

const { name, version } = readJson<{ name: string; version: string }>('package.json')
const directory = process.argv[2] ?? path.join('release', version)
if (fs.existsSync(directory)) throw new Error(`${directory} already exists. A release is not overwritten.`)
fs.mkdirSync(directory, { recursive: true })

npm('pack', '--pack-destination', directory)
writeBill('cyclonedx', 'cdx.json')
writeBill('spdx', 'spdx.json')
const digests = fs.readdirSync(directory).map((file) => `${digestOf(path.join(directory, file))}  ${file}\n`)
fs.writeFileSync(path.join(directory, 'SHA256SUMS'), digests.join(''))
process.stdout.write(digests.join(''))

/** From the lockfile, so that the bill has the tested versions and not the installed ones. */
function writeBill(format: string, suffix: string): void {
  const bill = JSON.parse(
    npm('sbom', `--sbom-format=${format}`, '--sbom-type=application', '--omit=dev', '--package-lock-only')
  )
  // npm writes the name of the directory instead.
  if (format === 'cyclonedx') bill.metadata.component.name = name
  else bill.packages.find((one: { SPDXID: string }) => bill.documentDescribes.includes(one.SPDXID)).name = name
  fs.writeFileSync(path.join(directory, `${name}-${version}.${suffix}`), `${JSON.stringify(bill, null, 2)}\n`)
}

function npm(...args: string[]): string {
  return execFileSync('npm', args, { encoding: 'utf8', maxBuffer: BILL_BYTES, stdio: ['ignore', 'pipe', 'inherit'] })
}

function digestOf(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex')
}
