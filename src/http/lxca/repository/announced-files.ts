/** The list of files that a client announces before it sends them to be imported. */
import { type Static, Type } from 'typebox'
import { checkUploadName, quoteName } from '../../../core/import/upload-name.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { SAMPLE_FIXID } from '../../samples.ts'

/** As many files as a few hundred packages have. */
export const MAX_FILES = 2_000

/** All types that clients send; most clients send the type that a browser would send. */
const TYPES: ReadonlySet<string> = new Set(
  (
    'text binary text/plain text/xml text/html application/xml application/json application/zip application/x-zip ' +
    'application/x-zip-compressed multipart/x-zip application/octet-stream application/x-compressed application/gzip ' +
    'application/x-gzip application/x-tar application/x-compressed-tar application/x-msdownload application/x-msdos-program ' +
    'application/x-dosexec application/x-executable application/x-sh'
  ).split(' ')
)

const AnnouncedFile = Type.Object({
  index: Type.Optional(Type.Union([Type.Integer(), Type.String({ maxLength: 20 })])),
  name: Type.String({ maxLength: 1_000, description: 'The file name, without a path.' }),
  size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Bytes.' }),
  type: Type.Optional(
    Type.String({
      maxLength: 100,
      description: '`text`, `binary`, or a content type such as `application/x-zip-compressed`.'
    })
  )
})

export const AnnouncedFiles = Type.Object(
  { files: Type.Array(AnnouncedFile, { minItems: 1, maxItems: MAX_FILES }) },
  {
    description: 'Also accepted: `file` instead of `files`, the array alone, and one file alone.',
    examples: [{ files: [{ index: 0, name: `${SAMPLE_FIXID}.xml`, size: 4_096, type: 'text' }] }]
  }
)

/** Converts all forms that clients send into an object with `files`; the schema checks the result. */
export function normaliseAnnouncement(body: unknown): unknown {
  if (Array.isArray(body)) return { files: body.map(withNumber) }
  if (typeof body !== 'object' || body === null) return body
  const { files, file } = body as { files?: unknown; file?: unknown }
  const given = files ?? file ?? ('name' in body ? body : undefined)
  return given === undefined ? body : { files: [given].flat().map(withNumber) }
}

/** Some clients send the size as a string. */
function withNumber(file: unknown): unknown {
  if (typeof file !== 'object' || file === null || !('size' in file)) return file
  const { size } = file
  return typeof size === 'string' && /^\d{1,15}$/.test(size) ? { ...file, size: Number(size) } : file
}

/** @throws Problem IMPORT_REFUSED for a name or a type that is not accepted, and for a name that occurs twice */
export function checkAnnouncement({ files }: Static<typeof AnnouncedFiles>): void {
  const names = new Set<string>()
  for (const { name, type } of files) {
    checkUploadName(name)
    if (names.has(name)) throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} is announced twice.`)
    names.add(name)
    if (type === undefined || TYPES.has(type.trim().toLowerCase())) continue
    throw new Problem(
      'IMPORT_REFUSED',
      `The file ${quoteName(name)} has the type ${quoteName(type)}, which is not accepted.`
    )
  }
}
