/** Packages as the native API shows them. */
import { type Static, Type } from 'typebox'
import type { PackageSummary } from '../../../core/catalog/catalog.ts'
import type { CatalogProblem, PackageFile } from '../../../core/catalog/package.ts'

export const CatalogProblemView = Type.Object({
  path: Type.String({ description: 'The path in the repository.' }),
  code: Type.String({ description: 'The kind of problem.' }),
  text: Type.String({ description: 'A sentence with the details.' })
})

const FileView = Type.Object({
  path: Type.String({ description: 'The path in the repository.' }),
  role: Type.String(),
  size: Type.Integer({ description: 'Bytes.' }),
  crc32: Type.String({ description: 'Eight hexadecimal digits.' }),
  sha256: Type.String(),
  modifiedAt: Type.String({ description: 'ISO 8601, UTC.' }),
  href: Type.String({ description: 'The download path of the file on this server.' })
})

const summary = {
  fixid: Type.String(),
  kind: Type.String({ description: '`update` or `system-pack`.' }),
  name: Type.String(),
  version: Type.String(),
  buildNumber: Type.String(),
  category: Type.String(),
  severity: Type.String(),
  releaseDate: Type.String(),
  payloadState: Type.String({ description: '`present`, `missing`, or `none` for a system pack without own files.' }),
  size: Type.Integer({ description: 'Bytes of all its files.' }),
  machineTypes: Type.Array(Type.String())
}

export const PackageView = Type.Object(summary, { title: 'PackageSummary' })

export const PackageDetail = Type.Object(
  {
    ...summary,
    description: Type.String(),
    updateType: Type.String(),
    rebootRequired: Type.String(),
    members: Type.Array(Type.String(), { description: 'The fixids of a system pack’s members.' }),
    requisites: Type.Array(Type.Object({ fixid: Type.String(), kind: Type.String() })),
    files: Type.Array(FileView),
    problems: Type.Array(CatalogProblemView, {
      description: 'Problems of its files, of its metadata, and of files that have its name.'
    })
  },
  { title: 'Package' }
)

export function summaryView(item: PackageSummary): Static<typeof PackageView> {
  const { fixid, kind, name, version, buildNumber, category, severity, releaseDate, payloadState, size } = item
  const machineTypes = [...item.machineTypes]
  return { fixid, kind, name, version, buildNumber, category, severity, releaseDate, payloadState, size, machineTypes }
}

export function detailView(item: PackageSummary, problems: readonly CatalogProblem[]): Static<typeof PackageDetail> {
  const { fixid, description, updateType, rebootRequired, members, requisites, files } = item
  return {
    ...summaryView(item),
    description,
    updateType,
    rebootRequired,
    members: [...members],
    requisites: requisites.map(({ fixid, kind }) => ({ fixid, kind })),
    files: files.map((file) => fileView(fixid, file)),
    problems: [...problems]
  }
}

function fileView(fixid: string, file: PackageFile): Static<typeof FileView> {
  const { path, role, size, crc32, sha256, modifiedAt } = file
  return {
    path,
    role,
    size,
    crc32: crc32.toString(16).padStart(8, '0'),
    sha256,
    modifiedAt: new Date(modifiedAt * 1000).toISOString(),
    href: `/api/v1/packages/${encodeURIComponent(fixid)}/file?path=${encodeURIComponent(path)}`
  }
}
