/** The payload file of a package: images in the container that its extension denotes. */
import type { Container } from '../plan/components.ts'
import { type Entry, tarGzipOf, zipOf } from './containers.ts'
import { type Content, contentOf, joinContents } from './content.ts'
import type { ImageMaker } from './image.ts'

export interface PayloadRequest {
  /** Makes the bytes unique; usually the fixid. */
  readonly key: string
  readonly extension: Container
  /** The approximate number of bytes; containers round it. */
  readonly size: number
  readonly releasedAt: number
}

/** Size of the stub before the ZIP in a real package; small payloads have a smaller one. */
const SHELL_STUB_BYTES = 74_943
const DOS_STUB_BYTES = 4096
/** A tar of at least this size contains several images. */
const SEVERAL_IMAGES_FROM = 1_000_000
const MIN_IMAGE_BYTES = 1024

/** The payload in the container of its extension. `.uxz` is undocumented; here it is a compressed tar. */
export function payloadOf({ key, extension, size, releasedAt }: PayloadRequest, image: ImageMaker): Content {
  const imagesOf = (bytes: number, count = 1): Entry[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `image${index + 1}.img`,
      content: image(`${key}/${index}`, Math.max(MIN_IMAGE_BYTES, Math.floor(bytes / count)))
    }))
  switch (extension) {
    case 'uxz':
    case 'tgz':
      return tarGzipOf(imagesOf(tarRoom(size), size < SEVERAL_IMAGES_FROM ? 1 : 1 + (key.length % 3)), releasedAt)
    case 'zip':
      return zipOf(imagesOf(size - ZIP_OVERHEAD), releasedAt)
    case 'bin':
    case 'exe': {
      const stub = extension === 'bin' ? shellStub(key, size, image) : dosStub(key, image)
      return zipOf(imagesOf(size - stub.size - ZIP_OVERHEAD), releasedAt, stub)
    }
    case 'rom':
    case 'hpm':
    case 'ima':
      return image(key, size)
  }
}

const ZIP_OVERHEAD = 160
const TAR_OVERHEAD = 3000

/** The stored blocks around a tar take 5 bytes in 65,535. */
function tarRoom(size: number): number {
  return Math.floor((size - TAR_OVERHEAD) * (65_535 / 65_540))
}

const SHELL_LINES = `#!/bin/sh
# Synthetic firmware package. It installs nothing.
echo "This is test data of a firmware repository, not firmware." >&2
exit 1
# The archive begins behind the unpacking program.
`

function shellStub(key: string, size: number, image: ImageMaker): Content {
  const lines = contentOf(SHELL_LINES)
  const length = Math.min(SHELL_STUB_BYTES, Math.floor(size / 4))
  return joinContents(lines, image(`${key}/stub`, length - lines.size))
}

function dosStub(key: string, image: ImageMaker): Content {
  const header = Buffer.alloc(128)
  header.write('MZ')
  header.writeUInt16LE(64, 60)
  header.write('This program cannot be run in DOS mode.\r\n$', 64)
  return joinContents(contentOf(header), image(`${key}/stub`, DOS_STUB_BYTES - header.length))
}
