"""A driver of PyMeasure's, unchanged, as a movement and as a measurement.

The lock-in amplifier here is simulated, but the line to it is real: VISA over TCP. With hardware,
leave out the simulator and give your own address, e.g. "GPIB0::8::INSTR" or "TCPIP::10.0.0.7::INSTR".
Needs `pip install 'pybirch[visa]'`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from pymeasure.instruments.srs import SR830

from pybirch import MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.scan.measurements import VisaMeasurement
from pybirch.scan.movements import VisaMovement
from pybirch.scan.positions import linear
from pybirch.simulator.process import SimulatorProcess


def resonance(address: str) -> Scan:
    """Sweep the lock-in's oscillator and read what comes back; both objects share one connection."""
    frequency = VisaMovement(
        "frequency", SR830, address, attribute="frequency", position_units="Hz", settle=0.03
    )
    lockin = VisaMeasurement(
        "lockin", SR830, address, attributes=["magnitude", "theta"], data_units=["V", "deg"]
    )
    sweep = MovementItem(
        frequency,
        linear(32_668.0, 32_868.0, 41),
        settings={"sine_voltage": 0.5},  # any property of the driver; refused by name if it is none
        children=[MeasurementItem(lockin, settings={"time_constant": 0.003})],
    )
    return Scan(ScanSettings("Tutorial", "Resonance", "resonance", "example", [sweep]))


if __name__ == "__main__":
    with TemporaryDirectory() as folder, SimulatorProcess(Path(folder) / "ports.json") as simulator:
        scan = resonance(simulator.addresses["lockin"])
        scan.run()
    data = scan.data["lockin"]
    peak = data.loc[data["magnitude (V)"].idxmax()]
    at, height = peak["frequency (Hz)"], peak["magnitude (V)"]
    print(f"{len(data)} readings; the peak is {height:.4f} V at {at:.0f} Hz")
