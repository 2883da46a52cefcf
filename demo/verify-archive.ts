/** Checks an archive with a reader that is independent of fixdepot. */
import { spawnSync } from 'node:child_process'
import { crc32 } from 'node:zlib'
import yauzl from 'yauzl'

/** Readers that check every byte; the first one that is installed is used. */
const READERS: readonly [string, ...string[]][] = [
  ['unzip', '-tqq'],
  ['7z', 't', '-bd'],
  ['python3', '-m', 'zipfile', '-t']
]

/**
 * @returns the reader
 * @throws when the archive is damaged
 */
export async function verifyArchive(file: string): Promise<string> {
  for (const [command, ...args] of READERS) {
    const { error, status, stdout, stderr } = spawnSync(command, [...args, file], { encoding: 'utf8' })
    if (error !== undefined) continue
    if (status !== 0) throw new Error(`${command} does not accept ${file}:\n${stdout}${stderr}`)
    return [command, ...args].join(' ')
  }
  await verifyWithYauzl(file)
  return 'yauzl'
}

async function verifyWithYauzl(file: string): Promise<void> {
  const zip = await yauzl.openPromise(file, { lazyEntries: true, autoClose: false, strictFileNames: true })
  try {
    for await (const entry of zip.eachEntry()) {
      let crc = 0
      for await (const chunk of await zip.openReadStreamPromise(entry)) crc = crc32(chunk, crc)
      if (crc !== entry.crc32) throw new Error(`${entry.fileName} has another CRC-32 than its header says`)
    }
  } finally {
    zip.close()
  }
}
