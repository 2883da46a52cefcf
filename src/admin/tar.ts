/** Makes a .tar of a few small texts (POSIX ustar). */

const BLOCK_BYTES = 512

export interface TarFile {
  /** At most 99 ASCII characters. */
  readonly name: string
  readonly text: string
}

/** @param modifiedAt of all files */
export function makeTar(files: readonly TarFile[], modifiedAt: Date): Buffer {
  const blocks = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text)
    return [header(name, content.length, modifiedAt), content, Buffer.alloc(-content.length & (BLOCK_BYTES - 1))]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)])
}

function header(name: string, size: number, modifiedAt: Date): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  const put = (at: number, text: string) => block.write(text, at, 'latin1')
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  put(0, name)
  put(100, octal(0o600, 7))
  put(108, octal(0, 7))
  put(116, octal(0, 7))
  put(124, octal(size, 11))
  put(136, octal(Math.floor(modifiedAt.getTime() / 1000), 11))
  // The checksum is computed with spaces in its own field.
  put(148, ' '.repeat(8))
  put(156, '0')
  put(257, 'ustar\x0000')
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `)
  return block
}
