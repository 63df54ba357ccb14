/** The picture of an image with what can be chosen about it: plane, time, projection, channels. */
import { useDeferredValue, useId, useState } from 'react';
import { count, many, swatch } from './format';
import { Picture } from './parts';
import type { Channel, Image, Pixels } from './queries';
import { initialView, pictureUrl, type View } from './view';

interface SliderProps {
  name: string;
  value: number;
  size: number;
  disabled?: boolean;
  onChange: (value: number) => void;
}

function Slider({ name, value, size, disabled = false, onChange }: SliderProps) {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{name}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={size - 1}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      <output htmlFor={id}>
        {count(value + 1)} of {count(size)}
      </output>
    </div>
  );
}

interface TogglesProps {
  channels: readonly Channel[];
  active: readonly boolean[];
  onChange: (active: boolean[]) => void;
}

function ChannelToggles({ channels, active, onChange }: TogglesProps) {
  return (
    <fieldset className="toggles">
      <legend className="visually-hidden">Channels shown</legend>
      {channels.map((channel, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a channel is its position, and names may repeat.
        <label key={index} className="toggle">
          <input
            type="checkbox"
            checked={active[index] ?? false}
            onChange={(event) => onChange(active.with(index, event.currentTarget.checked))}
          />
          <svg className="swatch" viewBox="0 0 10 10" aria-hidden="true">
            <circle cx="5" cy="5" r="5" fill={swatch(channel.color) ?? '#808080'} />
          </svg>
          {channel.name ?? `Channel ${index + 1}`}
        </label>
      ))}
    </fieldset>
  );
}

interface ControlsProps {
  pixels: Pixels;
  channels: readonly Channel[];
  view: View;
  change: (part: Partial<View>) => void;
}

function Controls({ pixels, channels, view, change }: ControlsProps) {
  const { sizeZ, sizeT } = pixels;
  return (
    <div className="controls">
      {sizeZ > 1 && (
        <Slider
          name="Plane"
          value={view.z}
          size={sizeZ}
          disabled={view.projected}
          onChange={(z) => change({ z })}
        />
      )}
      {sizeT > 1 && <Slider name="Time" value={view.t} size={sizeT} onChange={(t) => change({ t })} />}
      {sizeZ > 1 && (
        <label className="toggle">
          <input
            type="checkbox"
            checked={view.projected}
            onChange={(event) => change({ projected: event.currentTarget.checked })}
          />
          Brightest of all planes
        </label>
      )}
      {channels.length > 1 && !pixels.rgb && (
        <ChannelToggles channels={channels} active={view.active} onChange={(active) => change({ active })} />
      )}
    </div>
  );
}

/** The picture follows the controls a moment later, so that a slider can be drawn through a long stack. */
export function Viewer({ image, pixels }: { image: Image; pixels: Pixels }) {
  const [view, setView] = useState(() => initialView(image.rendering, pixels));
  const shown = useDeferredValue(view);
  const change = (part: Partial<View>) => setView((before) => ({ ...before, ...part }));
  return (
    <div className="viewer">
      <Picture
        src={pictureUrl(image.pictureUrl, shown)}
        alt={`${image.name}, ${many(pixels.sizeC, 'channel')}, as rendered`}
        className="image-picture"
      />
      <Controls pixels={pixels} channels={image.channels} view={view} change={change} />
    </div>
  );
}
