/** A process that packs a directory with client-zip, which only stores. Arguments: source directory, archive. */
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { makeZip } from 'client-zip'
import { timeWork } from '../time-work.ts'

const [source = '', output = ''] = process.argv.slice(2)

function* inputs() {
  for (const name of fs.readdirSync(source)) {
    const file = path.join(source, name)
    yield { name, lastModified: fs.statSync(file).mtime, input: fs.createReadStream(file) }
  }
}

await timeWork(() => pipeline(makeZip(inputs()), fs.createWriteStream(output)).then(() => undefined))
