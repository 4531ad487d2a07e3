import { seriesSettings } from '../../internal/prometheus/fields.ts';
import type { TranslationSettings } from '../../internal/prometheus/translate.ts';
import type { RemoteWriteConfig } from './config.ts';

export function translationOf(config: RemoteWriteConfig): TranslationSettings {
  return {
    ...seriesSettings(config),
    externalLabels: config.external_labels,
    scopeInfo: !config.disable_scope_info,
    targetInfo: config.target_info.enabled,
  };
}
