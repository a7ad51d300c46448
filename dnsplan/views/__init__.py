"""Values to text for people and machines; views decide nothing and read nothing."""
