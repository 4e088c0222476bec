//! Prints the sales file that the project ships.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(comptoir_tests::sample::write(std::io::stdout().lock())?)
}
